// node flame_graph_check.js PAGE PATTERN
//
// Takes a page of `coroscope dump --format html` apart as a browser does, runs its scripts with a
// page that only remembers, and prints as JSON what is there and what the search for PATTERN finds.
// Fails at what must hold for every page.
'use strict';

const assert = require('node:assert');
const fs = require('node:fs');
const vm = require('node:vm');

// A script element ends at the first `</script`, whatever it holds.
function scriptsOf(page) {
  const scripts = {};
  for (const [, id, text] of page.matchAll(/<script[^>]* ?id="(\w+)">(.*?)<\/script/gs)) scripts[id] = text;
  assert.deepEqual(Object.keys(scripts), ['dump', 'layout', 'view']);
  assert.equal(page.match(/<script/gi).length, 3, 'a text of the target began a script');
  assert.equal(page.match(/<\/script/gi).length, 3, 'a text of the target ended a script');
  assert.ok(!page.includes('<!--'), 'after which a script may end elsewhere');
  assert.ok(!/https?:|src=|url\(|import|fetch|XMLHttp/.test(page.replace(scripts.dump, '')), 'needs something else');
  return scripts;
}

function checkTree(nodes) {
  for (const node of nodes) {
    const below = node.children.reduce((sum, child) => sum + child.count, 0);
    assert.ok(below <= node.count, 'more coroutines in the frames below ' + node.name);
    assert.equal(typeof node.name, 'string');
    assert.equal(typeof node.place, 'string');
  }
}

function checkBoxes({layOut}, nodes, focus) {
  const {boxes, tooNarrow} = layOut(focus, 0);
  assert.equal(tooNarrow, 0);
  const byNode = new Map(boxes.map((box) => [box.node, box]));
  assert.equal(byNode.size, boxes.length, 'a frame is drawn twice');
  const slack = 1e-9;
  const rightmost = new Map();  // by depth
  for (const box of [...boxes].sort((a, b) => a.node.depth - b.node.depth || a.left - b.left)) {
    assert.ok(box.left + slack >= (rightmost.get(box.node.depth) ?? 0), 'two frames overlap');
    rightmost.set(box.node.depth, box.left + box.width);
    const parent = byNode.get(box.node.parent);
    if (box.above || box.node === focus) {
      assert.deepEqual([box.left, box.width], [0, 1]);
    } else {
      assert.equal(box.width, box.node.count / focus.count);
      assert.ok(box.left + slack >= parent.left, 'left of the frame that called it');
      assert.ok(box.left + box.width <= parent.left + parent.width + slack, 'right of the frame that called it');
    }
  }
  if (focus === nodes[0]) assert.equal(boxes.length, nodes.length, 'a frame is not drawn');
  const half = layOut(focus, 0.5);
  assert.ok(half.boxes.every((box) => box.width >= 0.5));
  assert.equal(half.tooNarrow > 0, half.boxes.length < boxes.length, 'what is not drawn is counted');
}

function checkZoom({Zoom}, nodes) {
  const zoom = new Zoom(nodes[0]);
  zoom.to(nodes[1]);
  zoom.to(nodes[1]);
  zoom.to(nodes[2]);
  zoom.back();
  assert.equal(zoom.focus, nodes[1]);
  zoom.reset();
  assert.equal(zoom.focus, nodes[0]);
  for (let i = 0; i < 5; i++) zoom.back();
  assert.equal(zoom.focus, nodes[0]);
}

class Element {
  constructor() {
    Object.assign(this, {children: [], listeners: {}, classes: new Set(), textContent: '', value: '', clientWidth: 1000});
    this.style = {setProperty() {}};
    this.classList = {toggle: (name, on) => (on ? this.classes.add(name) : this.classes.delete(name))};
  }
  set innerHTML(text) {
    assert.fail('a text must not be taken for HTML: ' + text);
  }
  setAttribute() {}
  addEventListener(type, listener) {
    this.listeners[type] = listener;
  }
  replaceChildren(...children) {
    this.children = children;
  }
  contains(other) {
    return this.children.includes(other);
  }
  focus() {
    Element.focused = this;
    this.fire('focus');
  }
  fire(type, event = {}) {
    this.listeners[type]?.({target: this, preventDefault() {}, ...event});
  }
}

// The page, with the scripts run in it.
function open(scripts) {
  const elements = {};
  const document = new Element();
  document.getElementById = (id) => (elements[id] ??= new Element());
  document.createElement = () => new Element();
  Object.defineProperty(document, 'activeElement', {get: () => Element.focused});
  document.getElementById('dump').textContent = scripts.dump;
  const context = vm.createContext({document, window: new Element()});
  const layout = vm.runInContext(scripts.layout + '\n({readTree, layOut, search, Zoom})', context);
  vm.runInContext(scripts.view, context);
  return {document, elements, layout};
}

// As somebody with a mouse, and somebody with a keyboard.
function checkView({document, elements}, nodes) {
  const {graph, back, reset, details} = elements;
  const press = (key) => {
    graph.fire('keydown', {key});
    document.fire('keydown', {key, target: graph});
  };
  const all = graph.children.length;
  assert.ok(all >= 2 && back.disabled && reset.disabled);
  const innermost = graph.children.at(-1);
  innermost.fire('click');
  assert.ok(!back.disabled && !reset.disabled);
  assert.ok(graph.children.filter((box) => box.style.width === '100%').length >= 2, 'it and those above');
  reset.fire('click');
  assert.equal(graph.children.length, all);
  assert.ok(reset.disabled);
  back.fire('click');
  assert.ok(!reset.disabled, 'back to before the reset');
  press('Escape');
  graph.children[0].focus();
  press('ArrowDown');
  assert.notEqual(Element.focused, graph.children[0]);
  assert.ok(details.textContent.includes(nodes[0].children[0].name));
  press('Enter');
  assert.ok(!reset.disabled);
  press('Backspace');
  press('Escape');
  assert.equal(graph.children.length, all);
}

function main(file, pattern) {
  const scripts = scriptsOf(fs.readFileSync(file, 'utf8'));
  const page = open(scripts);
  const {readTree, search} = page.layout;
  const dump = JSON.parse(scripts.dump);
  const nodes = readTree(dump);
  checkTree(nodes);
  for (const focus of nodes.slice(0, 20)) checkBoxes(page.layout, nodes, focus);
  checkZoom(page.layout, nodes);
  checkView(page, nodes);
  assert.equal(search(nodes, '('), null);
  const {found, coroutines} = search(nodes, pattern);
  page.elements.pattern.value = pattern;
  page.elements.pattern.fire('input');
  console.log(JSON.stringify({
    title: page.document.title,
    notes: page.elements.notes.textContent,
    coroutines: nodes[0].count,
    depth: Math.max(...nodes.map((node) => node.depth)),
    names: nodes.map((node) => node.name),
    places: nodes.map((node) => node.place),
    waits_ms: nodes.map((node) => node.waitMs),
    found: [...found].map((node) => node.name),
    coroutines_found: coroutines,
    highlighted: page.elements.graph.children.filter((box) => /\bfound\b/.test(box.className)).length,
    said: page.elements.found.textContent,
  }));
}

main(process.argv[2], process.argv[3]);
