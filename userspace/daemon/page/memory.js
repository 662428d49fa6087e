// What the page has seen since it was opened: for trends where the daemon keeps no history. Bounded.
// Knows nothing of the page, so that a test can run it.
'use strict';

const mostSamples = 1800;  // of a process
const mostMoments = 120;   // of a process, with its stacks
const growthSpan = 60;     // seconds by which growth is told
const leastSpan = 4;       // for less than that nothing is told
const longestStep = 15;    // seconds between two samples; anything longer is a gap

// A process and no other that gets its number later.
function keyOf(process) {
  return process.pid + ' ' + process.attached;
}

class Memory {
  constructor() {
    this.processes = new Map();
  }

  of(key) {
    return this.processes.get(key) ?? {samples: [], moments: []};
  }

  // Of an answer about all processes: whoever is not in it is forgotten.
  rememberAll(answer) {
    const kept = new Map();
    for (const process of answer.processes) {
      const key = keyOf(process);
      const seen = this.of(key);
      addSample(seen.samples, process);
      kept.set(key, seen);
    }
    this.processes = kept;
  }

  // Of an answer about one: its stacks, too.
  rememberOne(process) {
    const key = keyOf(process);
    const seen = this.of(key);
    this.processes.set(key, seen);
    addSample(seen.samples, process);
    const time = unixOf(process.looked);
    if (time === null || seen.moments.at(-1)?.time >= time) return;
    seen.moments.push({time, live: process.live, stacks: stacksOf(process)});
    if (seen.moments.length > mostMoments) thin(seen.moments);
  }
}

function addSample(samples, process) {
  const time = unixOf(process.looked);
  if (time === null || samples.at(-1)?.time >= time) return;
  samples.push({time, live: process.live, completeness: process.completeness});
  if (samples.length > mostSamples) samples.shift();
}

// Leaves out every other one of the older half: far back a moment is as good as its neighbour.
function thin(moments) {
  const half = Math.floor(moments.length / 2);
  const kept = moments.filter((_, i) => i >= half || i % 2 === 0);
  moments.splice(0, moments.length, ...kept);
}

// In the form of the daemon's history.
function stacksOf(process) {
  return process.stacks.map((one) => ({stack: one.stack, live: one.live, frames: one.spawned_at}));
}

// Coroutines a second over the latest of `samples`; null if that is too short to tell.
function growthOf(samples) {
  const last = samples.at(-1);
  if (last === undefined) return null;
  const first = samples.find((one) => one.time >= last.time - growthSpan);
  const length = last.time - first.time;
  return length < leastSpan ? null : (last.live - first.live) / length;
}

// What was seen of one process as a history of the daemon's form (see timeline.js).
function historyOf(seen, process) {
  const instance = 'seen';
  const samples = seen.samples.map((one) => ({...one, instance}));
  const gaps = [];
  for (let i = 1; i < samples.length; i++) {
    const [from, to] = [samples[i - 1].time, samples[i].time];
    if (to - from > longestStep) gaps.push({from, to, why: 'this page did not look'});
  }
  const series = new Map();
  for (const {time, stacks} of seen.moments) {
    for (const stack of stacks) {
      if (!series.has(stack.stack)) series.set(stack.stack, {stack: stack.stack, top: topOf(stack), points: []});
      series.get(stack.stack).points.push([time, stack.live]);
    }
  }
  return {
    service: process.service, service_id: process.service_id,
    from: samples[0]?.time ?? 0, to: samples.at(-1)?.time ?? 0, gaps, samples, events: [],
    instances: [{instance, pid: process.pid, build_id: process.build_id, from: samples[0]?.time, to: samples.at(-1)?.time, ended: false}],
    stacks: [...series.values()].filter((one) => one.stack !== 'other' || one.points.some((point) => point[1] > 0)),
  };
}
