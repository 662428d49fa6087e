// Draws a tree of stacks as boxes, of one moment or of two.
'use strict';

const boxHeight = 22;

// Where one has zoomed to: kept by names, since each look makes another tree.
class FlameState {
  constructor() {
    this.trail = [[]];  // paths of names
    this.active = '';   // the box that the keyboard is at
    this.pattern = '';
    this.told = null;
  }
  get path() {
    return this.trail.at(-1);
  }
}

function namesTo(node) {
  return node.parent === null ? [] : [...namesTo(node.parent), node.name + '\n' + node.place];
}

// The node at a path, or the nearest above it that is still there.
function nodeAt(root, path) {
  let node = root;
  for (const key of path) {
    const child = node.byKey.get(key);
    if (child === undefined) break;
    node = child;
  }
  return node;
}

function boxColours(node, isDiff) {
  if (!isDiff) return {'--hue': String(hueOf(node.name))};
  return {'--change': Math.round(Math.abs(node.change) * 100) + '%', '--side': node.change >= 0 ? 'var(--grow)' : 'var(--shrink)'};
}

class FlameGraph {
  constructor(state, redraw) {
    this.state = state;
    this.redraw = redraw;
  }

  // As wide as `width` pixels.
  draw(nodes, {isDiff, width}) {
    this.nodes = nodes;
    this.isDiff = isDiff;
    const focus = nodeAt(nodes[0], this.state.path);
    const {boxes, tooNarrow} = layOut(focus, 2 / width);
    this.boxes = boxes;
    for (const box of boxes) box.key = namesTo(box.node).join('\f');
    this.active = boxes.find((box) => box.key === this.state.active) ?? boxes.find((box) => box.node === focus);
    const found = this.state.pattern === '' ? null : search(nodes, this.state.pattern);
    return [this.controls(focus, found), this.tree(boxes, found), this.telling(tooNarrow)];
  }

  controls(focus, found) {
    const wrong = this.state.pattern !== '' && found === null;
    return h('form', {class: 'controls', key: 'controls', onsubmit: (event) => event.preventDefault()},
      h('label', null, 'highlight ', h('input', {type: 'search', id: 'highlight', value: this.state.pattern, spellcheck: 'false', autocomplete: 'off',
        'aria-invalid': wrong ? 'true' : null, oninput: (event) => this.change(() => this.state.pattern = event.target.value)})),
      h('button', {type: 'button', disabled: this.state.trail.length < 2, onclick: () => this.back()}, 'Back'),
      h('button', {type: 'button', disabled: focus === this.nodes[0], onclick: () => this.zoom([])}, 'Show all'),
      h('output', null, wrong ? 'no regular expression' : found && counted(found.coroutines) + ' coroutines match'));
  }

  tree(boxes, found) {
    const deepest = boxes.reduce((most, box) => Math.max(most, box.node.depth), 0);
    return h('div', {class: 'flame' + (this.isDiff ? ' diff' : '') + (found ? ' searched' : ''), key: 'flame', role: 'tree', id: 'flame',
      'aria-label': this.isDiff ? 'change of spawn stacks, outermost frame on top' : 'spawn stacks, outermost frame on top',
      style: {height: (deepest + 1) * boxHeight + 'px'}, onkeydown: (event) => this.onKey(event)},
    boxes.map((box) => this.box(box, found)));
  }

  box(box, found) {
    const {node} = box;
    const change = this.isDiff && node.after !== node.before ? ' ' + signed(node.after - node.before) : '';
    return h('div', {
      class: 'box' + (box.above ? ' above' : '') + (found?.found.has(node) ? ' found' : ''), key: box.key, role: 'treeitem',
      tabindex: box === this.active ? 0 : -1, 'aria-level': node.depth + 1, 'aria-label': tellNode(node, this.nodes[0], this.isDiff),
      style: {left: 100 * box.left + '%', width: 100 * box.width + '%', top: node.depth * boxHeight + 'px', ...boxColours(node, this.isDiff)},
      onclick: () => this.zoom(namesTo(node), box.key), onfocus: () => this.tell(box), onmouseenter: () => this.tell(box),
    }, node.name + change);
  }

  telling(tooNarrow) {
    const node = this.nodes.find((one) => namesTo(one).join('\f') === this.state.told) ?? nodeAt(this.nodes[0], this.state.path);
    return h('p', {class: 'telling', key: 'telling', 'aria-live': 'polite'}, tellNode(node, this.nodes[0], this.isDiff),
      tooNarrow > 0 && h('small', null, ' (frames too narrow to draw: ' + tooNarrow + ', and those below; zoom in)'));
  }

  tell(box) {
    if (this.state.told === box.key && this.state.active === box.key) return;
    this.change(() => {
      this.state.told = box.key;
      if (document.activeElement?.wantedKey === box.key) this.state.active = box.key;
    });
  }

  zoom(path, key = '') {
    this.change(() => {
      if (path.join('\f') !== this.state.path.join('\f')) this.state.trail.push(path);
      this.state.active = this.state.told = key === '' ? path.join('\f') : key;
    });
  }

  back() {
    this.change(() => {
      if (this.state.trail.length > 1) this.state.trail.pop();
      this.state.active = this.state.told = this.state.path.join('\f');
    });
  }

  // What had the keyboard may not be drawn any more: then who is active has it.
  change(how) {
    const hadFocus = document.activeElement?.classList.contains('box');
    how();
    this.redraw();
    if (hadFocus && !document.activeElement?.classList.contains('box')) this.focusActive();
  }

  focusActive() {
    for (const box of document.querySelectorAll('#flame .box')) {
      if (box.wantedKey === this.active.key) box.focus();
    }
  }

  onKey(event) {
    if (event.key.startsWith('Arrow')) {
      this.state.active = this.state.told = neighbour(this.boxes, this.active, event.key).key;
      this.redraw();
      this.focusActive();
    } else if (event.key === 'Enter' || event.key === ' ') {
      this.zoom(namesTo(this.active.node));
    } else if (event.key === 'Backspace') {
      this.back();
    } else if (event.key === 'Escape') {
      this.zoom([]);
    } else {
      return;
    }
    event.preventDefault();
    event.stopPropagation();
  }
}
