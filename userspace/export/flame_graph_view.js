// Draws the boxes, and listens. Texts of the target are only ever set as text.
'use strict';

const rowHeight = 20;
const dump = JSON.parse(document.getElementById('dump').textContent);
const nodes = readTree(dump);
const zoom = new Zoom(nodes[0]);
const graph = document.getElementById('graph');
const pattern = document.getElementById('pattern');
const details = document.getElementById('details');
let drawn = [];     // boxes, with their elements
let active = null;  // the box that the keyboard is at
let searched = null;

function tell(node) {
  details.textContent = describe(node, nodes[0].count);
}

function activate(box) {
  if (active !== null) active.element.tabIndex = -1;
  active = box;
  box.element.tabIndex = 0;
  tell(box.node);
}

function elementOf(box) {
  const element = document.createElement('div');
  element.className = 'box' + (box.above ? ' above' : '') + (searched?.found.has(box.node) ? ' found' : '');
  element.textContent = box.node.name;
  element.tabIndex = -1;
  element.setAttribute('role', 'treeitem');
  element.setAttribute('aria-level', box.node.depth + 1);
  element.setAttribute('aria-label', describe(box.node, nodes[0].count));
  element.style.left = 100 * box.left + '%';
  element.style.width = 100 * box.width + '%';
  element.style.top = rowHeight * box.node.depth + 'px';
  element.style.setProperty('--hue', hueOf(box.node.name));
  element.addEventListener('click', () => zoomTo(box.node));
  element.addEventListener('mouseenter', () => tell(box.node));
  element.addEventListener('focus', () => activate(box));
  return element;
}

function draw() {
  const {boxes, tooNarrow} = layOut(zoom.focus, 1 / Math.max(graph.clientWidth, 1));
  drawn = boxes;
  active = null;
  for (const box of boxes) box.element = elementOf(box);
  graph.replaceChildren(...boxes.map((box) => box.element));
  graph.style.height = rowHeight * (1 + boxes.reduce((deepest, box) => Math.max(deepest, box.node.depth), 0)) + 'px';
  graph.className = searched === null ? '' : 'searched';
  document.getElementById('back').disabled = zoom.path.length === 1;
  document.getElementById('reset').disabled = zoom.focus === nodes[0];
  showFound(tooNarrow);
  activate(boxes.find((box) => box.node === zoom.focus));
}

function showFound(tooNarrow) {
  const texts = [];
  if (searched !== null) {
    const all = nodes[0].count;
    texts.push(searched.coroutines + ' of ' + all + ' coroutines match (' + percent(searched.coroutines, all) + ')');
  }
  if (tooNarrow > 0) texts.push('frames too narrow to draw: ' + tooNarrow + ', and those below; zoom in');
  document.getElementById('found').textContent = texts.join('; ');
}

function redraw(change) {
  const hadFocus = graph.contains(document.activeElement);
  change();
  draw();
  if (hadFocus) active.element.focus();
}

function zoomTo(node) {
  redraw(() => zoom.to(node));
}

function startSearch() {
  const result = pattern.value === '' ? null : search(nodes, pattern.value);
  pattern.classList.toggle('wrong', pattern.value !== '' && result === null);
  searched = result;
  redraw(() => {});
}

function onGraphKey(event) {
  if (event.key.startsWith('Arrow')) neighbour(drawn, active, event.key).element.focus();
  else if (event.key === 'Enter' || event.key === ' ') zoomTo(active.node);
  else if (event.key === 'Backspace') redraw(() => zoom.back());
  else return;
  event.preventDefault();
}

function onKey(event) {
  if (event.key === 'Escape') {
    redraw(() => zoom.reset());
  } else if (event.key === '/' && event.target !== pattern) {
    pattern.focus();
    event.preventDefault();
  }
}

document.title = dump.title;
document.getElementById('notes').textContent = dump.notes;
document.getElementById('back').addEventListener('click', () => redraw(() => zoom.back()));
document.getElementById('reset').addEventListener('click', () => redraw(() => zoom.reset()));
document.getElementById('search').addEventListener('submit', (event) => event.preventDefault());
pattern.addEventListener('input', startSearch);
graph.addEventListener('keydown', onGraphKey);
document.addEventListener('keydown', onKey);
window.addEventListener('resize', draw);
draw();
