// The view of spawn stacks as a flame graph: of now, of a moment, or of what has changed between two.
'use strict';

const noTime = null;

function timeOf(route, name) {
  const time = Number(route.parameters.get(name));
  return time > 0 ? time : noTime;
}

function nearestMoment(moments, time) {
  return nearest(moments, time) ?? null;
}

// The stacks of a moment of the page's own memory, as the daemon's history has them.
function rememberedAt(moments, time) {
  return time === noTime ? moments.at(-1) ?? null : nearestMoment(moments, time);
}

async function loadFlame(app, route) {
  const pid = route.parameters.get('pid') ?? null;
  const process = pid === null ? null : await app.oneProcess(pid);
  const service = route.parameters.get('service') ?? process?.service_id ?? null;
  const history = service === null ? null : await app.historyOf(service, rangeOf(route));
  const data = {process, service, history, source: history === null || history.samples.length === 0 ? 'page' : 'history'};
  const [time, before] = [timeOf(route, 'time'), timeOf(route, 'before')];
  if (data.source === 'page') {
    const moments = process === null ? [] : app.memory.of(keyOf(process)).moments;
    return {...data, moments, now: rememberedAt(moments, time), earlier: before === noTime ? null : nearestMoment(moments, before)};
  }
  const moments = momentsOf(history);
  // What is of one process alone is not compared with what is of all.
  const live = process !== null && time === noTime && before === noTime;
  return {
    ...data, moments,
    now: live ? liveMoment(process) : knownMoment(await app.stacksAt(service, time ?? moments.at(-1).time)),
    earlier: before === noTime ? null : knownMoment(await app.stacksAt(service, before)),
  };
}

// Of a time in a gap nothing is known, and before the first sample there was nobody.
function knownMoment(answer) {
  return answer === null || !answer.time ? null : answer;
}

function liveMoment(process) {
  return {time: unixOf(process.looked), live: process.live, pid: process.pid, stacks: stacksOf(process), isLive: true};
}

function chooser(app, route, data) {
  const options = app.all.processes.map((one) => h('option', {key: 'p' + one.pid, value: 'pid ' + one.pid}, one.service + ' ' + one.pid));
  const services = (app.services ?? []).map((one) => h('option', {key: 's' + one.service_id, value: 'service ' + one.service_id}, one.service + ' (service)'));
  const value = data.process ? 'pid ' + data.process.pid : data.service ? 'service ' + data.service : '';
  return h('label', null, 'of ', h('select', {id: 'whose', value, onchange: (event) => {
    const [kind, id] = event.target.value.split(' ');
    app.go(['flame'], kind === '' ? {} : {[kind]: id});
  }}, h('option', {key: '', value: ''}, 'choose a process'), options, services));
}

// A slider over the moments that are known; `latest`: where it stands without a time.
function momentSlider(app, route, data, name, label) {
  const chosen = timeOf(route, name);
  const {moments} = data;
  const at = chosen === noTime ? moments.length - 1 : moments.indexOf(nearestMoment(moments, chosen));
  const set = (index) => app.go(route.path, {...Object.fromEntries(route.parameters), [name]: name === 'time' && index === moments.length - 1 ? null : moments[index].time}, true);
  const text = name === 'time' && chosen === noTime ? 'now' : moment(moments[at].time);
  return h('label', {class: 'moment', key: name}, label, h('input', {type: 'range', id: 'moment-' + name, min: 0, max: moments.length - 1, step: 1, value: String(at),
    'aria-valuetext': text, oninput: (event) => set(Number(event.target.value))}), h('output', null, text));
}

function presets(app, route, data) {
  const last = timeOf(route, 'time') ?? data.moments.at(-1).time;
  const spans = [[60, '1 min'], [600, '10 min'], [3600, '1 h'], [86400, '1 day']].filter(([seconds]) => last - data.moments[0].time >= seconds);
  return spans.map(([seconds, name]) => h('button', {type: 'button', key: name, onclick: () =>
    app.go(route.path, {...Object.fromEntries(route.parameters), before: last - seconds}, true)}, name + ' before'));
}

function compareControls(app, route, data) {
  const comparing = timeOf(route, 'before') !== noTime;
  const toggle = () => app.go(route.path, {...Object.fromEntries(route.parameters), before: comparing ? null : data.moments[0].time}, true);
  return [
    h('label', {key: 'compare'}, h('input', {type: 'checkbox', id: 'compare', checked: comparing, onchange: toggle}), ' compare with an earlier moment'),
    comparing && momentSlider(app, route, data, 'before', 'before '), comparing && presets(app, route, data),
  ];
}

function diffTable(now, earlier) {
  const columns = [{name: 'Spawned at'}, {name: 'Before', number: true}, {name: 'After', number: true}, {name: 'Change', number: true}];
  const rows = changedStacks(now.stacks, earlier.stacks).slice(0, 50);
  if (rows.length === 0) return h('p', {class: 'faint'}, 'No stack has changed between both.');
  return table('what has changed', columns, rows.map(({stack, before, after}) => row(stack.stack, columns, [topOf(stack), counted(before), counted(after),
    h('strong', {class: after > before ? 'growing' : 'shrinking'}, signed(after - before))])));
}

function whenText(data) {
  const {now, earlier} = data;
  const whose = (one) => one.processes === undefined ? '' : one.processes.length === 1 ? ', of process ' + one.pid :
    ', of all ' + one.processes.length + ' processes of the service';
  const of = (one) => moment(one.time) + ' (' + plural(one.live, 'coroutine') + whose(one) + (one.build_id ? ', build ' + shortBuild(one.build_id) : '') + ')';
  return earlier === null ? of(now) : 'from ' + of(earlier) + ' to ' + of(now);
}

function flameLegend() {
  return h('ul', {class: 'legend'}, h('li', null, h('span', {class: 'swatch grow'}), 'grows'), h('li', null, h('span', {class: 'swatch shrink'}), 'shrinks'),
    h('li', null, h('span', {class: 'swatch same'}), 'as before'), h('li', null, 'a box is as wide as the larger of both moments'));
}

// That a moment is in a gap, and is not told by what was before that.
function gapNote(one) {
  const gap = one?.gaps?.[0];
  return gap && note('doubtful', 'Of ', moment(one.asked), ' nothing is known (', gap.why, '): this is what was last seen before.');
}

function flamePart(app, route, data) {
  const {now, earlier} = data;
  const nodes = treeOf(now.stacks, earlier?.stacks ?? null, app.withRuntime);
  const graph = app.graph;
  if (nodes[0].count === 0) return h('p', null, 'No coroutine was alive.');
  return h('section', {class: 'card'},
    h('p', {class: 'when'}, whenText(data)), gapNote(now), gapNote(earlier), earlier !== null && flameLegend(),
    h('label', null, h('input', {type: 'checkbox', id: 'with-runtime', checked: app.withRuntime, onchange: (event) => app.change(() => app.withRuntime = event.target.checked)}), ' frames of the runtime, too'),
    graph.draw(nodes, {isDiff: earlier !== null, width: app.width()}),
    earlier !== null && h('section', null, h('h2', null, 'What has changed'), diffTable(now, earlier)));
}

function momentsPart(app, route, data) {
  if (data.moments.length < 2) return h('p', {class: 'faint'}, 'Another moment to compare with is there after the next look.');
  return h('div', {class: 'moments'}, momentSlider(app, route, data, 'time', 'moment '), compareControls(app, route, data));
}

const flameView = {
  title: (route, data) => 'Flame graph' + (data?.process ? ' of ' + data.process.service + ' ' + data.process.pid : ''),
  load: loadFlame,
  draw(app, route, data) {
    const asked = route.parameters.get('pid');
    const chosen = data.process !== null || data.service !== null;
    const shown = data.history ?? null;
    return [
      h('h1', null, 'Flame graph'),
      h('section', {class: 'card'}, chooser(app, route, data), data.source === 'history' && chosen && rangeLinks(route),
        asked && data.process === null && data.service === null && note('bad', 'No process ', asked, ' is watched (any more).'),
        chosen && data.source === 'page' && h('p', {class: 'faint'}, 'Moments that this page has seen since this process was looked at here (', whyNoHistory(app), ').'),
        data.source === 'history' && chosen && shown !== null && chart('flame', shown, {...app.chartOptions(),
          onPick: (time) => app.go(route.path, {...Object.fromEntries(route.parameters), time}, true), hint: 'click or press Enter to choose the moment',
          marks: [{time: data.earlier?.time ?? null, kind: 'before'}, {time: data.now?.time ?? null, kind: data.earlier ? 'after' : 'moment'}]}),
        chosen && data.moments.length > 0 && momentsPart(app, route, data)),
      data.process && withheldNote(data.process), data.process && lossesNote(data.process),
      chosen && timeOf(route, 'before') !== noTime && data.earlier === null && note('doubtful', 'Nothing is known of the earlier moment, so there is no comparison.'),
      data.now !== null && data.now !== undefined ? flamePart(app, route, data) : chosen && note('', 'No stacks are known of that moment.'),
      !chosen && !asked && h('p', null, 'Spawn stacks as boxes: as wide as the share of coroutines that were born there. Choose a process.'),
    ];
  },
};
