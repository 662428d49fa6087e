// Draws a history, and lets one read it with a pointer or the arrow keys.
'use strict';

const chartHeight = 240;
const mostLines = 5;  // of stacks
const cursors = new Map();  // chart -> the time that is read

function svg(tag, props, ...children) {
  return h('svg:' + tag, props, ...children);
}

function gridOf(scale) {
  const {ticks, step} = timeTicks(scale.from, scale.to, Math.max(2, Math.floor(scale.width / 110)));
  return [
    scale.ticks.map((value) => svg('g', {class: 'grid', key: 'y' + value},
      svg('line', {x1: chartMargin.left, x2: scale.right, y1: scale.y(value), y2: scale.y(value)}),
      svg('text', {x: chartMargin.left - 6, y: scale.y(value) + 4, 'text-anchor': 'end'}, value >= 10000 ? counted(value / 1000) + 'k' : value))),
    ticks.map((time) => svg('text', {class: 'tick', key: 'x' + time, x: scale.x(time), y: scale.height - 8, 'text-anchor': 'middle'}, tickText(time, step))),
  ];
}

function gapsOf(history, scale) {
  return history.gaps.filter((gap) => gap.to > scale.from && gap.from < scale.to).map((gap) => {
    const [left, right] = [scale.x(gap.from), scale.x(gap.to)];
    return svg('rect', {class: 'gap', key: 'g' + gap.from, x: left, width: Math.max(right - left, 2), y: chartMargin.top, height: scale.bottom - chartMargin.top},
      svg('title', null, 'nothing is known: ' + gap.why));
  });
}

function deployMarks(history, scale) {
  return deploysOf(history.instances).filter((one) => one.time >= scale.from && one.time <= scale.to).map((one) =>
    svg('g', {class: 'deploy', key: 'd' + one.time},
      svg('line', {x1: scale.x(one.time), x2: scale.x(one.time), y1: chartMargin.top - 6, y2: scale.bottom}),
      svg('text', {x: Math.min(scale.x(one.time) + 4, scale.right - 110), y: chartMargin.top - 8}, 'deploy ' + shortBuild(one.build_id))));
}

// Of the process `pid`, if there is one, and of others, thinner.
function linesDrawn(history, stacks, scale, pid) {
  const isOther = (line) => pid !== undefined && line.about?.pid !== pid;
  return [
    linesOf(history).map((line) => svg('g', {class: isOther(line) ? 'another' : 'its', key: 'i' + line.instance},
      svg('path', {class: 'area', d: areaPath(line.runs, scale)}),
      svg('path', {class: 'peak', d: linePath(line.peaks, scale)}),
      svg('path', {class: 'total', d: linePath(line.runs, scale)}))),
    stacks.map((stack, i) => svg('path', {class: 'line line' + i, key: 's' + stack.stack, d: linePath(runsOf(stack.points, history.gaps), scale)})),
  ];
}

function readout(history, time) {
  const gap = history.gaps.find((one) => one.from < time && one.to > time);
  if (gap) return moment(time) + ': nothing is known (' + gap.why + ')';
  const samples = samplesAt(history, time);
  if (samples.length === 0) return 'nothing yet';
  const live = samples.reduce((sum, one) => sum + one.live, 0);
  const most = Math.max(...samples.map((one) => one.peak ?? 0));
  const least = Math.min(...samples.map((one) => one.completeness ?? 1));
  const of = samples.length > 1 ? ' in ' + processesText(history, samples) : '';
  const peak = samples.length === 1 && most > live ? ', at most ' + counted(most) + ' in between' : '';
  return moment(samples[0].time) + ': ' + counted(live) + ' live' + of + peak + (least < 1 ? ', ' + share(least) + ' seen' : '');
}

const mostNamed = 4;

function processesText(history, samples) {
  const pidOf = (sample) => history.instances.find((one) => one.instance === sample.instance)?.pid ?? '?';
  const named = samples.slice(0, mostNamed).map((one) => pidOf(one) + ': ' + counted(one.live));
  return samples.length + ' processes (' + named.join(', ') + (samples.length > mostNamed ? ', …' : '') + ')';
}

function marksDrawn(marks, scale) {
  return (marks ?? []).filter((mark) => mark.time !== null).map((mark) => svg('g', {class: 'mark ' + mark.kind, key: 'm' + mark.kind},
    svg('line', {x1: scale.x(mark.time), x2: scale.x(mark.time), y1: chartMargin.top, y2: scale.bottom}),
    svg('text', {x: scale.x(mark.time), y: chartMargin.top - 6, 'text-anchor': scale.x(mark.time) > scale.width / 2 ? 'end' : 'start'}, mark.kind)));
}

// Moves what is read along the samples.
function chartKey(event, id, history, redraw, onPick) {
  const times = [...new Set(history.samples.map((one) => one.time))].sort((a, b) => a - b);
  if (times.length === 0) return;
  const current = cursors.get(id) ?? times.at(-1);
  const at = times.indexOf(nearest(times.map((time) => ({time})), current).time);
  const steps = {ArrowLeft: -1, ArrowRight: 1, PageUp: -10, PageDown: 10, Home: -times.length, End: times.length};
  if (event.key in steps) cursors.set(id, times[Math.min(Math.max(at + steps[event.key], 0), times.length - 1)]);
  else if (event.key === 'Escape') cursors.delete(id);
  else if (event.key === 'Enter' && onPick) onPick(times[at]);
  else return;
  event.preventDefault();
  event.stopPropagation();
  redraw();
}

function chartEvents(id, history, scale, redraw, onPick) {
  const timeOf = (event) => {
    const box = event.currentTarget.getBoundingClientRect();
    return scale.timeAt((event.clientX - box.left) * scale.width / box.width);
  };
  return {
    onkeydown: (event) => chartKey(event, id, history, redraw, onPick),
    onpointermove: (event) => {
      cursors.set(id, timeOf(event));
      redraw();
    },
    onpointerleave: () => {
      if (cursors.delete(id)) redraw();
    },
    onclick: onPick ? (event) => {
      const sample = nearest(history.samples, timeOf(event));
      if (sample !== null) onPick(sample.time);
    } : null,
  };
}

function legend(history, stacks, pid) {
  const several = linesOf(history).length > 1;
  return h('ul', {class: 'legend'},
    h('li', null, h('span', {class: 'swatch total'}), several && pid !== undefined ? 'all coroutines of this process' : several ? 'all coroutines, a line each instance' : 'all coroutines'),
    several && pid !== undefined && h('li', null, h('span', {class: 'swatch another'}), 'of other instances'),
    history.samples.some((one) => one.peak > one.live) && h('li', null, h('span', {class: 'swatch peak'}), 'most between two samples'),
    history.gaps.length > 0 && h('li', null, h('span', {class: 'swatch gap'}), 'nothing is known'),
    stacks.map((stack, i) => h('li', {key: stack.stack}, h('span', {class: 'swatch line' + i}),
      h('a', {href: hashOf(['search'], {q: stack.stack})}, stack.top), several && h('small', null, ' (in all instances)'),
      stack.growth_per_second > 0.05 && h('small', null, ' ' + rate(stack.growth_per_second)))));
}

// The samples as a table, for who can not see the chart. Not all: as many as one reads.
function figuresTable(history) {
  const every = Math.max(1, Math.ceil(history.samples.length / 24));
  const columns = [{name: 'time'}, {name: 'live', number: true}, {name: 'seen', number: true}];
  const rows = history.samples.filter((_, i) => (history.samples.length - 1 - i) % every === 0)
      .map((one) => row(one.instance + one.time, columns, [moment(one.time), counted(one.live), share(one.completeness ?? 1)]));
  return h('details', {class: 'evidence'}, h('summary', null, 'as figures'), table('coroutines over time', columns, rows));
}

// `width` in pixels; `marks`: [{time, kind}] to be shown; `onPick(time)` when a moment is chosen.
// `pid`: whose lines stand out; `fromZero` and `onZero`: where the axis begins, and who is told if that changes.
function chart(id, history, {width, redraw, onPick, marks, hint, pid, fromZero, onZero}) {
  if (history.samples.length < 2) return h('p', {class: 'faint', key: 'chart'}, 'A trend needs two looks; wait a moment.');
  const stacks = chosenStacks(history.stacks, mostLines);
  const scale = new Scale(history, stacks, width, chartHeight, {fromZero, pid});
  const cursor = cursors.get(id) ?? null;
  const said = readout(history, cursor ?? history.to);
  return h('figure', {class: 'chart', key: 'chart'},
    h('div', {class: 'canvas', role: 'slider', tabindex: 0, 'aria-label': 'coroutines over time', 'aria-orientation': 'horizontal',
      'aria-valuemin': Math.round(scale.from), 'aria-valuemax': Math.round(scale.to), 'aria-valuenow': Math.round(cursor ?? scale.to),
      'aria-valuetext': said, ...chartEvents(id, history, scale, redraw, onPick)},
    svg('svg', {width, height: chartHeight, viewBox: `0 0 ${width} ${chartHeight}`, 'aria-hidden': 'true'},
      gridOf(scale), gapsOf(history, scale), svg('svg', {width, height: scale.bottom + 2}, linesDrawn(history, stacks, scale, pid)), deployMarks(history, scale), marksDrawn(marks, scale),
      cursor !== null && svg('line', {class: 'cursor', key: 'cursor', x1: scale.x(cursor), x2: scale.x(cursor), y1: chartMargin.top, y2: scale.bottom}))),
    h('figcaption', null, h('p', {class: 'readout'}, said, hint && h('span', {class: 'faint'}, ' — ' + hint)), legend(history, stacks, pid),
      h('label', {class: 'small'}, h('input', {type: 'checkbox', class: 'from-zero', checked: fromZero, onchange: (event) => onZero(event.target.checked)}), ' axis from 0'), figuresTable(history)));
}
