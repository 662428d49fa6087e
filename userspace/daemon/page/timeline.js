// A history, as the daemon tells it, made ready to be drawn: lines that are interrupted where nobody
// looked, deploys, and axes. Knows nothing of the page, so that a test can run it.
'use strict';

// Times are whole seconds: a gap of less than one is between the second it is in, and the one before.
function inGap(gaps, from, to) {
  return gaps.some((gap) => gap.from < to && gap.to > from || gap.from === gap.to && from < gap.from && gap.from <= to);
}

// Runs of [time, value] without a gap between any two of them. A value that is null ends a run.
function runsOf(points, gaps) {
  const runs = [];
  let run = [];
  for (const point of points) {
    const last = run.at(-1);
    if (last !== undefined && (point[1] === null || inGap(gaps, last[0], point[0]))) {
      runs.push(run);
      run = [];
    }
    if (point[1] !== null && point[1] !== undefined) run.push(point);
  }
  if (run.length > 0) runs.push(run);
  return runs;
}

// Without the time before the service was there, of which there is nothing to draw.
function trimmed(history) {
  const begins = [...history.samples.map((one) => one.time), ...history.gaps.map((one) => one.from)];
  if (begins.length === 0) return history;
  const first = begins.reduce((least, one) => Math.min(least, one));
  return {...history, from: Math.min(Math.max(history.from, first), history.to - 15)};
}

// The times of all samples, each once, in order.
function momentsOf(history) {
  return [...new Set(history.samples.map((one) => one.time))].sort((a, b) => a - b).map((time) => ({time}));
}

// What grows in a service, since when, and with which build that began: a line for each place.
function growthTexts(history) {
  return history.stacks.filter((one) => one.grows_since && one.stack !== 'other').map((one) => {
    const build = one.build_id ? ', when build ' + shortBuild(one.build_id) + ' ran' : '';
    const before = one.grew_not_in_build ? '; it did not with ' + shortBuild(one.grew_not_in_build) : '';
    return one.top + ' grows by ' + rate(one.growth_per_second) + ' since ' + moment(one.grows_since) + build + before + '.';
  });
}

// One line for each instance that ran: they may run at the same time, and none goes on in another.
function linesOf(history) {
  const byInstance = new Map();
  for (const sample of history.samples) {
    if (!byInstance.has(sample.instance)) byInstance.set(sample.instance, []);
    byInstance.get(sample.instance).push(sample);
  }
  return [...byInstance].map(([instance, samples]) => ({
    instance,
    about: history.instances.find((one) => one.instance === instance) ?? null,
    runs: runsOf(samples.map((one) => [one.time, one.live]), history.gaps),
    peaks: runsOf(samples.map((one) => [one.time, one.peak ?? one.live]), history.gaps),
  }));
}

// The times at which another build began to run: [{time, build_id}].
function deploysOf(instances) {
  const deploys = [];
  let last = null;
  for (const one of [...instances].sort((a, b) => a.from - b.from)) {
    if (last !== null && one.build_id !== last) deploys.push({time: one.from, build_id: one.build_id});
    last = one.build_id;
  }
  return deploys;
}

// The stacks to draw: those that are most, and those that have changed most.
function chosenStacks(stacks, most) {
  const rank = (one) => {
    const values = one.points.map((point) => point[1] ?? 0);
    return values.length === 0 ? 0 : Math.max(...values) + Math.abs(values.at(-1) - values[0]);
  };
  return stacks.filter((one) => one.stack !== 'other' && one.points.length > 0)
      .map((one) => [rank(one), one]).filter(([value]) => value > 0)
      .sort((a, b) => b[0] - a[0]).slice(0, most).map(([, one]) => one);
}

// Round numbers from at most `lowest` to at least `highest`, about `count` of them, two at least.
function valueTicks(lowest, highest, count) {
  const rough = Math.max(highest - lowest, 1) / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = Math.max(1, [1, 2, 5, 10].find((one) => one * power >= rough) * power);
  const ticks = [];
  for (let value = Math.floor(lowest / step) * step; value < highest + step || ticks.length < 2; value += step) ticks.push(Math.round(value));
  return ticks;
}

const timeSteps = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400, 172800, 604800];

// Round times between both, by the reader's clock, at most `count` of them.
function timeTicks(from, to, count) {
  const step = timeSteps.find((one) => (to - from) / one <= count) ?? timeSteps.at(-1) * Math.ceil((to - from) / timeSteps.at(-1) / count);
  const offset = new Date(from * 1000).getTimezoneOffset() * 60;
  const ticks = [];
  for (let time = Math.ceil((from - offset) / step) * step + offset; time <= to; time += step) ticks.push(time);
  return {ticks, step};
}

function tickText(time, step) {
  if (step >= 86400) return day(time);
  return clock(time, step < 60);
}

// The sample nearest to a time; null if there is none.
function nearest(samples, time) {
  let best = null;
  for (const one of samples) {
    if (best === null || Math.abs(one.time - time) < Math.abs(best.time - time)) best = one;
  }
  return best;
}

// What ran at about a time: of each instance the sample next to it, if that is not of another step.
function samplesAt(history, time) {
  const next = nearest(history.samples, time);
  if (next === null) return [];
  const found = new Map();
  for (const one of history.samples) {
    if (Math.abs(one.time - next.time) > (history.step ?? 0)) continue;
    const known = found.get(one.instance);
    if (known === undefined || Math.abs(one.time - next.time) < Math.abs(known.time - next.time)) found.set(one.instance, one);
  }
  return [...found.values()];
}

// Of the process `pid`, or of all if that is undefined.
function lowestOf(history, pid) {
  const own = linesOf(history).filter((line) => pid === undefined || line.about?.pid === pid);
  const lives = own.flatMap((line) => line.runs.flat()).map((point) => point[1]);
  return lives.length === 0 ? 0 : lives.reduce((least, one) => Math.min(least, one));
}

function highestOf(history, stacks) {
  let highest = 0;
  for (const one of history.samples) highest = Math.max(highest, one.live, one.peak ?? 0);
  for (const stack of stacks) {
    for (const [, live] of stack.points) highest = Math.max(highest, live ?? 0);
  }
  return highest;
}
