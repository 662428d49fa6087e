// What is drawn of a dump, and where. Knows nothing of the page, so that a test can run it.
'use strict';

const nodeColumns = 6;

// Node 0 stands for all that is shown; a parent comes before its children.
function readTree(dump) {
  const nodes = [];
  for (let at = 0; at < dump.nodes.length; at += nodeColumns) {
    const [parent, name, file, line, count, waitMs] = dump.nodes.slice(at, at + nodeColumns);
    const place = dump.texts[file] + (line > 0 ? ':' + line : '');
    const node = {id: nodes.length, parent: null, depth: 0, name: dump.texts[name], place, count, waitMs, children: []};
    if (at > 0) {
      node.parent = nodes[parent];
      node.depth = node.parent.depth + 1;
      node.parent.children.push(node);
    }
    nodes.push(node);
  }
  for (const node of nodes) node.children.sort((a, b) => b.count - a.count || a.id - b.id);
  return nodes;
}

// Boxes for `focus` at full width, who leads to it above, and below it whatever is at least
// `narrowest` of the width; how many are not may be seen by zooming. `left` and `width` are shares.
function layOut(focus, narrowest) {
  const boxes = [];
  for (let node = focus.parent; node !== null; node = node.parent) {
    boxes.unshift({node, left: 0, width: 1, above: true});
  }
  let tooNarrow = 0;
  const rest = [{node: focus, left: 0, width: 1, above: false}];
  while (rest.length > 0) {
    const box = rest.pop();
    boxes.push(box);
    let left = box.left;
    for (const node of box.node.children) {
      const width = node.count / focus.count;
      if (width >= narrowest) rest.push({node, left, width, above: false});
      else tooNarrow++;
      left += width;
    }
  }
  return {boxes, tooNarrow};
}

function labelOf(node) {
  return node.place === '' ? node.name : node.name + ' ' + node.place;
}

// The nodes that match, and how many coroutines are in any of them: each is counted once,
// however many of its frames match. Null if `pattern` is no regular expression.
function search(nodes, pattern) {
  let regex;
  try {
    regex = new RegExp(pattern, 'i');
  } catch (error) {
    return null;
  }
  const found = new Set();
  const inside = new Set();  // of one that matches, or one itself
  let coroutines = 0;
  for (const node of nodes) {
    const matches = node.parent !== null && regex.test(labelOf(node));
    if (matches) found.add(node);
    if (inside.has(node.parent)) {
      inside.add(node);
    } else if (matches) {
      inside.add(node);
      coroutines += node.count;
    }
  }
  return {found, coroutines};
}

// Where one has zoomed to, and how one came there.
class Zoom {
  constructor(root) {
    this.path = [root];
  }
  get focus() {
    return this.path[this.path.length - 1];
  }
  to(node) {
    if (node !== this.focus) this.path.push(node);
  }
  back() {
    if (this.path.length > 1) this.path.pop();
  }
  reset() {
    this.to(this.path[0]);
  }
}

// The next box in a direction, or the same one if there is none.
function neighbour(boxes, box, key) {
  const fromTheLeft = (wanted) => boxes.filter((other) => wanted(other.node)).sort((a, b) => a.left - b.left);
  if (key === 'ArrowUp') return boxes.find((other) => other.node === box.node.parent) ?? box;
  if (key === 'ArrowDown') return fromTheLeft((node) => node.parent === box.node)[0] ?? box;
  const row = fromTheLeft((node) => node.depth === box.node.depth);
  return row[row.indexOf(box) + (key === 'ArrowLeft' ? -1 : 1)] ?? box;
}

function percent(part, whole) {
  return whole === 0 ? '0%' : (100 * part / whole).toFixed(2) + '%';
}

function duration(ms) {
  if (ms < 1000) return ms + ' ms';
  if (ms < 60000) return (ms / 1000).toFixed(1) + ' s';
  const minutes = Math.floor(ms / 60000);
  return minutes < 60 ? minutes + ' min' : Math.floor(minutes / 60) + ' h ' + minutes % 60 + ' min';
}

function describe(node, all) {
  const coroutines = node.count + (node.count === 1 ? ' coroutine, ' : ' coroutines, ');
  const wait = node.waitMs > 0 ? ', the longest wait ' + duration(node.waitMs) : '';
  return labelOf(node) + ' \u2014 ' + coroutines + percent(node.count, all) + ' of all shown' + wait;
}

// Of the same function always the same one.
function hueOf(name) {
  let hash = 0;
  for (let i = 0; i < name.length; i++) hash = (hash * 31 + name.charCodeAt(i)) >>> 0;
  return hash % 70;
}
