// node page_check.js SCRIPT...
//
// Runs those scripts of the daemon's page that know no page, in the order of the build, and checks what
// they make of histories, stacks and searches. Exits with 0 if all of it holds.
'use strict';

const assert = require('node:assert');
const fs = require('node:fs');
const vm = require('node:vm');

const names = ['Memory', 'Scale', 'areaPath', 'changedStacks', 'chosenStacks', 'counted', 'deploysOf', 'findStacks', 'foldedFrames',
  'growthOf', 'historyOf', 'keyOf', 'layOut', 'linePath', 'linesOf', 'lossesOf', 'marked', 'nearest', 'rate', 'runsOf', 'samplesAt', 'share', 'span',
  'sparkline', 'tellNode', 'timeTicks', 'topOf', 'treeOf', 'valueTicks'];
const page = vm.runInNewContext(process.argv.slice(2).map((file) => fs.readFileSync(file, 'utf8')).join('') + `\n({${names.join(', ')}})`);
// Of another realm, so that prototypes differ.
const same = (found, expected) => assert.deepEqual(JSON.parse(JSON.stringify(found)), expected);

const frame = (name, more = {}) => ({function: name, file: '/src/' + name + '.cpp', line: 7, ...more});
const stack = (id, live, ...frames) => ({stack: id, live, frames});

const checks = {
  'a line ends where nobody looked, and goes on after it'() {
    const points = [[0, 1], [10, 2], [20, 3], [60, 4], [70, null], [80, 5]];
    same(page.runsOf(points, [{from: 20, to: 60, why: 'the daemon was not running'}]), [[[0, 1], [10, 2], [20, 3]], [[60, 4]], [[80, 5]]]);
    same(page.runsOf(points.slice(0, 3), []), [points.slice(0, 3)]);
    same(page.runsOf([], []), []);
    same(page.runsOf(points.slice(0, 3), [{from: 10, to: 10, why: 'for less than a second'}]), [[[0, 1]], [[10, 2], [20, 3]]]);
  },
  'no line goes from one run to the next'() {
    const scale = new page.Scale(small(), [], 400, 200);
    const path = page.linePath([[[0, 1], [10, 2]], [[60, 4], [70, 5]]], scale);
    assert.equal(path.match(/M/g).length, 2);
    assert.equal(path.match(/L/g).length, 2);
    assert.equal(page.areaPath([[[0, 1], [10, 2]], [[60, 4], [70, 5]]], scale).match(/Z/g).length, 2);
    assert.match(page.linePath([[[5, 1]]], scale), /^M[\d.]+ [\d.]+h0$/, 'a sample alone is a dot');
  },
  'instances are lines of their own'() {
    const lines = page.linesOf(small());
    same(lines.map((line) => [line.instance, line.about.pid, line.runs]), [['a', 1, [[[0, 5], [10, 6]]]], ['b', 2, [[[20, 1], [30, 2]]]]]);
    same(lines[1].peaks, [[[20, 1], [30, 9]]]);
  },
  'at one time each instance that ran is told'() {
    const both = {...small(), step: 5};
    same(page.samplesAt(both, 9).map((one) => [one.instance, one.live]), [['a', 6]]);
    both.samples.push({time: 12, instance: 'b', live: 3}, {time: 14, instance: 'b', live: 4});
    same(page.samplesAt(both, 9).map((one) => [one.instance, one.live]), [['a', 6], ['b', 3]]);
    same(page.samplesAt({samples: [], step: 5}, 9), []);
  },
  'an axis that is not from 0 holds all of a process, and is never empty'() {
    const many = {...small(), samples: [{time: 0, instance: 'a', live: 119332}, {time: 100, instance: 'a', live: 119576}]};
    const scale = new page.Scale(many, [], 400, 200, {fromZero: false});
    assert.ok(scale.y(119332) - scale.y(119576) > 50);
    assert.ok(scale.y(3) > scale.bottom, 'cut off there');
    many.samples.push({time: 50, instance: 'b', live: 7});
    assert.equal(new page.Scale(many, [], 400, 200, {fromZero: false, pid: 1}).lowest, scale.lowest, 'that of one process is not by others');
    const level = {...small(), samples: [{time: 0, instance: 'a', live: 6}, {time: 10, instance: 'a', live: 6}]};
    assert.ok(Number.isFinite(new page.Scale(level, [], 400, 200, {fromZero: false}).y(6)));
    level.samples = level.samples.map((one) => ({...one, live: 0}));
    assert.ok(Number.isFinite(new page.Scale(level, [], 400, 200).y(0)), 'of nobody');
    assert.ok(new page.Scale(many, [], 400, 200).y(0) === scale.bottom);
  },
  'a deploy is another build, not another process'() {
    const instances = [{build_id: 'x', from: 30}, {build_id: 'x', from: 0}, {build_id: 'y', from: 50}, {build_id: 'x', from: 90}];
    same(page.deploysOf(instances), [{time: 50, build_id: 'y'}, {time: 90, build_id: 'x'}]);
  },
  'axes have round numbers, and hold all'() {
    for (const highest of [0, 1, 3, 7, 99, 100, 101, 37331, 1e6, 123456789]) {
      const ticks = page.valueTicks(0, highest, 4);
      assert.ok(ticks[0] === 0 && ticks.at(-1) >= highest && ticks.length <= 8, highest + ': ' + ticks);
      assert.equal(new Set(ticks).size, ticks.length, 'of ' + highest);
    }
    const zoomed = page.valueTicks(119332, 119576, 4);
    assert.ok(zoomed[0] > 119000 && zoomed[0] <= 119332 && zoomed.at(-1) >= 119576, zoomed);
    for (const length of [10, 60, 3600, 86400, 30 * 86400, 400 * 86400]) {
      const {ticks} = page.timeTicks(1.7e9 + 0.3, 1.7e9 + 0.3 + length, 6);
      assert.ok(ticks.length >= 1 && ticks.length <= 7, length + ': ' + ticks);
      assert.ok(ticks.every((time) => time >= 1.7e9 && time <= 1.7e9 + 1 + length));
    }
  },
  'the stacks that are drawn are most, or changed most'() {
    const series = (id, ...lives) => ({stack: id, points: lives.map((live, i) => [i, live])});
    same(page.chosenStacks([series('still', 50, 50), series('grows', 0, 40), series('few', 1, 1), series('none', 0, 0), series('other', 99, 99)], 2).map((one) => one.stack), ['grows', 'still']);
  },
  'a tree counts each stack in all of its frames'() {
    const nodes = page.treeOf([stack('1', 3, frame('leaf'), frame('rt', {runtime: true}), frame('main')), stack('2', 1, frame('other'), frame('main'))]);
    same(nodes.map((node) => [node.name, node.count, node.depth]), [['all', 4, 0], ['main', 4, 1], ['leaf', 3, 2], ['other', 1, 2]]);
    assert.ok(page.treeOf([stack('1', 1, frame('leaf'), frame('rt', {runtime: true}))], null, true).some((node) => node.name === 'rt'));
    assert.equal(page.treeOf([stack('1', 2, frame('rt', {runtime: true}))])[1].name, 'rt', 'of the runtime alone');
    same(page.treeOf([{stack: 'other', live: 2, frames: []}])[1].count, 2);
    assert.equal(page.treeOf([]).length, 1);
  },
  'a difference has what is gone, and what is new'() {
    const before = [stack('1', 10, frame('shrinks')), stack('2', 4, frame('gone')), stack('4', 3, frame('still'))];
    const after = [stack('1', 4, frame('shrinks')), stack('3', 8, frame('new')), stack('4', 3, frame('still'))];
    const nodes = page.treeOf(after, before);
    const told = Object.fromEntries(nodes.map((node) => [node.name, [node.count, node.before, node.after, Math.sign(node.change)]]));
    same(told, {all: [25, 17, 15, -1], shrinks: [10, 10, 4, -1], gone: [4, 4, 0, -1], new: [8, 0, 8, 1], still: [3, 3, 3, 0]});
    const {boxes} = page.layOut(nodes[0], 0);
    assert.equal(boxes.length, nodes.length);
    assert.ok(boxes.every((box) => box.left + box.width <= 1 + 1e-9));
    same(page.changedStacks(after, before).map((row) => [row.stack.stack, row.before, row.after]), [['3', 0, 8], ['1', 10, 4], ['2', 4, 0]]);
    assert.match(page.tellNode(nodes.find((node) => node.name === 'new'), nodes[0], true), /0 before, 8 after: \+8/);
  },
  'frames of the runtime are folded, not left out'() {
    const runs = page.foldedFrames([frame('a', {runtime: true}), frame('b', {library: true}), frame('mine'), frame('c', {runtime: true})]);
    same(runs.map((run) => [run.own, run.frames.length]), [[false, 2], [true, 1], [false, 1]]);
    assert.equal(page.topOf(stack('1', 1, frame('a', {runtime: true}), frame('mine'))), 'mine mine.cpp:7');
  },
  'what is not whole is never told as whole'() {
    assert.equal(page.share(1), '100%');
    assert.equal(page.share(0.999999), '99.99%');
    assert.equal(page.share(0.00001), '<0.01%');
    assert.equal(page.share(0), '0.00%');
    same(page.lossesOf({at_attach: {torn: 2, malformed: 0}, missed_runs: 1}), [['at attach: torn', 2], ['missed runs', 1]]);
  },
  'figures are as one reads them'() {
    assert.deepEqual([0, 999, 1000, 1234567].map(page.counted), ['0', '999', '1,000', '1,234,567']);
    assert.deepEqual([null, 0, 40, -0.25, 12345].map(page.rate), ['—', '0/s', '+40.0/s', '−0.25/s', '+12,345/s']);
    assert.deepEqual([0.5, 42, 65, 7325, 200000].map(page.span), ['500 ms', '42 s', '1 min 5 s', '2 h 2 min', '2 days 7 h']);
  },
  'growth is told once it can be, and of the last minute'() {
    const samples = (...points) => points.map(([time, live]) => ({time, live}));
    assert.equal(page.growthOf([]), null);
    assert.equal(page.growthOf(samples([0, 1], [2, 100])), null);
    assert.equal(page.growthOf(samples([0, 0], [5, 50])), 10);
    assert.equal(page.growthOf(samples([0, 1000], [100, 0], [150, 50])), 1);
  },
  'the page remembers within bounds, and only who is there'() {
    const memory = new page.Memory();
    const of = (second, pid = 1) => ({pid, attached: 'then', looked: new Date(1.7e12 + second * 1000).toISOString(), live: second, completeness: 1,
      build_id: 'x', service: 's', service_id: 'i', stacks: [{stack: 'a', live: second, spawned_at: [frame('f')]}]});
    for (let second = 0; second < 5000; second++) memory.rememberOne(of(second));
    const seen = memory.of(page.keyOf(of(0)));
    assert.ok(seen.samples.length <= 1800 && seen.moments.length <= 120);
    memory.rememberOne(of(4999));
    assert.equal(seen.samples.filter((one) => one.live === 4999).length, 1, 'the same look counts once');
    memory.rememberOne(of(5100));
    const history = page.historyOf(seen, of(5100));
    assert.equal(history.gaps.at(-1).to - history.gaps.at(-1).from, 101, 'a time without looks is a gap');
    assert.equal(history.stacks[0].points.at(-1)[1], 5100);
    memory.rememberAll({processes: [of(1, 2)]});
    same([...memory.processes.keys()], [page.keyOf(of(1, 2))]);
  },
  'a search finds all words in any order, and marks them'() {
    const process = {pid: 1, stacks: [{stack: 'abc123', live: 2, spawned_at: [frame('handle_request'), frame('main')]}, {stack: 'other', live: 9, spawned_at: []}]};
    same(page.findStacks([process], 'REQUEST handle').map((row) => [row.stack.stack, row.live]), [['abc123', 2]]);
    same(page.findStacks([process, process], 'abc1').map((row) => row.live), [4]);
    same(page.findStacks([process], 'handle main'), [], 'of one frame');
    same(page.findStacks([process], 'other'), []);
    same(page.marked('handle_request', 'REQ'), [['handle_', false], ['req', true], ['uest', false]]);
    same(page.marked('aaa', 'aa'), [['aaa', true]]);
    same(page.marked('İx', 'x'), [['İx', false]], 'lower case is longer here');
  },
  'a small trend beside many is not made to look large'() {
    const heights = (samples) => page.sparkline(samples, 110, 26).match(/[\d.]+ ([\d.]+)/g).map((one) => Number(one.split(' ')[1]));
    const flat = heights([{time: 0, live: 100000}, {time: 1, live: 100010}]);
    assert.ok(Math.abs(flat[0] - flat[1]) < 1);
    const steep = heights([{time: 0, live: 100}, {time: 1, live: 200}]);
    assert.ok(steep[0] - steep[1] > 15);
    assert.equal(page.sparkline([{time: 0, live: 1}], 110, 26), '');
  },
};

function small() {
  return {
    from: 0, to: 100, gaps: [], events: [], stacks: [],
    instances: [{instance: 'a', pid: 1, build_id: 'x', from: 0, to: 10}, {instance: 'b', pid: 2, build_id: 'y', from: 20, to: 30}],
    samples: [{time: 0, instance: 'a', live: 5}, {time: 10, instance: 'a', live: 6}, {time: 20, instance: 'b', live: 1}, {time: 30, instance: 'b', live: 2, peak: 9}],
  };
}

for (const [name, check] of Object.entries(checks)) {
  try {
    check();
  } catch (error) {
    error.message = name + ': ' + error.message;
    throw error;
  }
}
console.log(Object.keys(checks).length + ' checks hold');
