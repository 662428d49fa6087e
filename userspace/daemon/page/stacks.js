// Stacks as the daemon tells them: lists of frames, innermost first; and trees of them, in the form
// that flame_graph_layout.js lays out. Knows nothing of the page, so that a test can run it.
'use strict';

const otherStacks = '[other stacks: too many to tell apart]';
const noFrames = '[frames are not known]';

function isOwn(frame) {
  return !frame.runtime && !frame.library;
}

function whoseFrames(frames) {
  const kinds = [frames.some((frame) => frame.runtime) && 'the runtime', frames.some((frame) => !frame.runtime) && 'libraries'];
  return plural(frames.length, 'frame') + ' of ' + kinds.filter(Boolean).join(' and ');
}

// Runs of frames: those of the program one by one, those of the runtime and of libraries between
// them as one run each, so that a reader sees that something was left out.
function foldedFrames(frames) {
  const runs = [];
  for (const frame of frames) {
    const last = runs[runs.length - 1];
    if (isOwn(frame)) runs.push({own: true, frames: [frame]});
    else if (last !== undefined && !last.own) last.frames.push(frame);
    else runs.push({own: false, frames: [frame]});
  }
  return runs;
}

// The frame by which a reader knows a stack: the innermost one of the program.
function topFrame(frames) {
  return frames.find(isOwn) ?? frames[0] ?? null;
}

function topOf(stack) {
  if (stack.stack === 'other') return otherStacks;
  const frame = topFrame(stack.frames ?? stack.spawned_at ?? []);
  if (frame === null) return noFrames;
  const place = placeOf(frame);
  return frame.function + (place === '' ? '' : ' ' + place);
}

// The texts of a stack's boxes, outermost first.
function pathOf(stack, withRuntime) {
  if (stack.stack === 'other') return [{name: otherStacks, place: ''}];
  const all = stack.frames ?? [];  // null: the history's could not be read
  const frames = withRuntime ? all : all.filter(isOwn);
  const shown = frames.length > 0 ? frames : all;
  if (shown.length === 0) return [{name: noFrames, place: ''}];
  return shown.map((frame) => ({name: frame.function, place: placeOf(frame)})).reverse();
}

// One node of a stack's path below `parent`, made if it is not there.
function childOf(parent, {name, place}, nodes) {
  const key = name + '\n' + place;
  let child = parent.byKey.get(key);
  if (child === undefined) {
    child = nodeOf(parent, name, place, nodes.length);
    parent.byKey.set(key, child);
    parent.children.push(child);
    nodes.push(child);
  }
  return child;
}

function nodeOf(parent, name, place, id) {
  return {
    id, parent, name, place, depth: parent === null ? 0 : parent.depth + 1,
    count: 0, before: 0, after: 0, change: 0, waitMs: 0, children: [], byKey: new Map(),
  };
}

function addStack(nodes, stack, withRuntime, before, after) {
  const width = Math.max(before, after);
  let node = nodes[0];
  const path = [node];
  for (const text of pathOf(stack, withRuntime)) path.push(node = childOf(node, text, nodes));
  for (const one of path) {
    one.count += width;
    one.before += before;
    one.after += after;
  }
}

// The tree of a moment's stacks ([{stack, live, frames}]), or of two moments: then a box is as wide as
// the larger of both, stack by stack, so that what is gone is seen as well.
function treeOf(stacks, earlier = null, withRuntime = false) {
  const nodes = [nodeOf(null, 'all', '', 0)];
  const rest = new Map((earlier ?? []).map((stack) => [stack.stack, stack]));
  for (const stack of stacks) {
    const before = earlier === null ? stack.live : rest.get(stack.stack)?.live ?? 0;
    rest.delete(stack.stack);
    if (before > 0 || stack.live > 0) addStack(nodes, stack, withRuntime, Math.max(before, 0), Math.max(stack.live, 0));
  }
  for (const stack of rest.values()) {
    if (stack.live > 0) addStack(nodes, stack, withRuntime, stack.live, 0);
  }
  for (const node of nodes) node.children.sort((a, b) => b.count - a.count || a.id - b.id);
  setChanges(nodes);
  return nodes;
}

// Sets how much each node has changed beside the one that has changed most: -1 (shrunk) to 1 (grown).
// The root of that: what has changed by a hundredth as much is still seen.
function setChanges(nodes) {
  const most = Math.max(1, ...nodes.map((node) => Math.abs(node.after - node.before)));
  for (const node of nodes) {
    const change = node.after - node.before;
    node.change = Math.sign(change) * Math.sqrt(Math.abs(change) / most);
  }
}

function signed(number) {
  return number > 0 ? '+' + counted(number) : number < 0 ? '−' + counted(-number) : '±0';
}

// `all`: the root. What a reader is told of a box.
function tellNode(node, all, isDiff) {
  const label = node.place === '' ? node.name : node.name + ' ' + node.place;
  if (!isDiff) return label + ' — ' + plural(node.after, 'coroutine') + ', ' + share(all.after === 0 ? 0 : node.after / all.after) + ' of all';
  return label + ' — ' + counted(node.before) + ' before, ' + counted(node.after) + ' after: ' + signed(node.after - node.before);
}

// Of two moments, what has changed, the most first.
function changedStacks(stacks, earlier) {
  const before = new Map(earlier.map((stack) => [stack.stack, stack]));
  const rows = stacks.map((stack) => ({stack, before: before.get(stack.stack)?.live ?? 0, after: stack.live}));
  const now = new Set(stacks.map((stack) => stack.stack));
  for (const stack of earlier) {
    if (!now.has(stack.stack)) rows.push({stack, before: stack.live, after: 0});
  }
  return rows.filter((row) => row.before !== row.after)
      .sort((a, b) => Math.abs(b.after - b.before) - Math.abs(a.after - a.before));
}
