// What a view wants to be shown, and how the page becomes that. Text is only ever set as text, so
// nothing that a target says is markup.
'use strict';

const svgSpace = 'http://www.w3.org/2000/svg';

// An element to be: `props` are attributes, listeners (onclick and the like), `value`, `checked`,
// `style` (an object), and `key` by which it stays itself when it moves.
function h(tag, props, ...children) {
  return new Wanted(tag, props ?? {}, flat(children));
}

class Wanted {
  constructor(tag, props, children) {
    Object.assign(this, {tag, props, children});
  }
}

// Strings and numbers are text; null, undefined and false are nothing. Any other object came with an
// answer, and must not become an element.
function flat(children) {
  return children.flat(Infinity).filter((one) => one !== null && one !== undefined && one !== false)
      .map((one) => one instanceof Wanted ? one : typeof one === 'object' ? JSON.stringify(one) : String(one));
}

function createNode(wanted) {
  if (typeof wanted === 'string') return document.createTextNode(wanted);
  const node = wanted.tag.startsWith('svg:') ? document.createElementNS(svgSpace, wanted.tag.slice(4)) : document.createElement(wanted.tag);
  node.wantedTag = wanted.tag;
  node.wantedKey = wanted.props.key;
  node.wantedProps = {};
  return node;
}

function isSame(node, wanted) {
  if (typeof wanted === 'string') return node.nodeType === Node.TEXT_NODE;
  return node.wantedTag === wanted.tag && node.wantedKey === wanted.props.key;
}

function setProp(node, name, value) {
  if (name === 'key') return;
  if (name.startsWith('on')) node[name] = value ?? null;
  else if (name === 'style') for (const [key, one] of Object.entries(value ?? {})) node.style.setProperty(key, one);
  else if (name === 'value' || name === 'checked') setState(node, name, value);
  else if (value === null || value === undefined || value === false) node.removeAttribute(name);
  else node.setAttribute(name, value === true ? '' : value);
}

function setState(node, name, value) {
  if (node[name] !== value) node[name] = value;
}

function patchProps(node, props) {
  for (const name of Object.keys(node.wantedProps)) {
    if (!(name in props)) setProp(node, name, null);
  }
  for (const [name, value] of Object.entries(props)) {
    // What a reader has typed or chosen since is another state than what was set.
    const isState = name === 'value' || name === 'checked';
    if (isState || name === 'style' || node.wantedProps[name] !== value) setProp(node, name, value);
  }
  node.wantedProps = props;
}

function patchNode(node, wanted) {
  if (typeof wanted === 'string') {
    if (node.data !== wanted) node.data = wanted;
    return;
  }
  patchChildren(node, wanted.children);
  patchProps(node, wanted.props);  // after the children: a select's value is one of them
}

function patchChildren(parent, wanted) {
  const byKey = new Map();
  for (const node of parent.childNodes) {
    if (node.wantedKey !== undefined) byKey.set(node.wantedKey, node);
  }
  const used = new Set();
  let at = parent.firstChild;
  for (const one of wanted) {
    const key = typeof one === 'string' ? undefined : one.props.key;
    let node = key === undefined ? at : byKey.get(key);
    if (!node || used.has(node) || !isSame(node, one)) node = createNode(one);
    if (node === at) at = at.nextSibling;
    else parent.insertBefore(node, at);
    used.add(node);
    patchNode(node, one);
  }
  for (const node of [...parent.childNodes]) {
    if (!used.has(node)) node.remove();
  }
}

// Makes `root` hold what is wanted. Whoever has the keyboard keeps it.
function render(root, wanted) {
  const focused = document.activeElement;
  patchChildren(root, flat([wanted]));
  if (focused !== document.activeElement && focused?.isConnected) focused.focus({preventScroll: true});
}
