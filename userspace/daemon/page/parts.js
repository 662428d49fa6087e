// What several views show: verdicts, stacks, figures.
'use strict';

function processLink(process, ...content) {
  return h('a', {href: hashOf(['process', process.pid])}, ...content);
}

function badge(verdict) {
  return h('span', {class: 'badge ' + verdict.replaceAll(' ', '-')}, verdict);
}

function note(kind, ...content) {
  return h('p', {class: 'note ' + kind}, ...content);
}

function highlighted(text, query) {
  return marked(text, query ?? '').map(([part, hit]) => hit ? h('mark', null, part) : part);
}

function frameItem(frame, query) {
  const place = placeOf(frame);
  return h('li', {class: isOwn(frame) ? 'frame' : 'frame faint'},
    h('span', {class: 'function'}, highlighted(frame.function, query)), ' ',
    place !== '' && h('span', {class: 'place', title: frame.file + (frame.line ? ':' + frame.line : '')}, highlighted(place, query)));
}

// Innermost first; what is not the program's is folded, and can be opened.
function stackList(frames, query) {
  if (frames.length === 0) return h('p', {class: 'faint'}, 'not known');
  return h('ol', {class: 'stack'}, foldedFrames(frames).map((run) => run.own
    ? run.frames.map((frame) => frameItem(frame, query))
    : h('li', null, h('details', {class: 'folded'},
      h('summary', null, whoseFrames(run.frames)),
      h('ol', {class: 'stack'}, run.frames.map((frame) => frameItem(frame, query)))))));
}

function figure(name, value, more, kind) {
  return h('div', {class: 'figure ' + (kind ?? '')}, h('dt', null, name), h('dd', null, value, more && h('small', null, ' ', more)));
}

// How much of a process is known. What is below the floor is no base for a verdict.
function completenessCell(process) {
  const whole = process.completeness >= 1;
  return h('span', {class: process.withheld ? 'bad' : whole ? '' : 'doubtful'}, share(process.completeness),
    process.withheld && h('small', null, ' below ', share(process.floor)));
}

function faultsCell(process) {
  if (process.withheld) return h('span', {class: 'badge withheld'}, 'withheld');
  if (process.faults > 0) return h('span', {class: 'badge leak'}, plural(process.faults, 'fault'));
  return h('span', {class: 'faint'}, process.judged ? 'none' : 'not judged yet');
}

function withheldNote(process) {
  return process.withheld && note('bad', h('strong', null, 'Verdicts are withheld: '), 'only ' + share(process.completeness) +
    ' of this process was seen, less than the floor of ' + share(process.floor) + '. What is below may be wrong, as may be that nothing is.');
}

function lossesNote(process) {
  const losses = lossesOf(process.losses);
  if (losses.length === 0) return null;
  return note('doubtful', h('strong', null, 'Lost: '), losses.map(([cause, count]) => counted(count) + ' ' + cause).join(', ') + '.');
}

function linesOfText(name, lines) {
  if (!lines || lines.length === 0) return null;
  return [h('dt', null, name), lines.map((line) => h('dd', null, line))];
}

function projectionText(projection) {
  const parts = [];
  if (projection?.bytes_per_hour !== undefined) parts.push(size(projection.bytes_per_hour) + ' of stacks an hour');
  if (projection?.limit) parts.push(projection.limit + ' is reached in about ' + span(projection.reached_in_s));
  return parts.length === 0 ? [] : [parts.join('; ')];
}

function evidenceLines(finding) {
  const {growth, cohort, nats_needed: needed, beyond_s: beyond, stayed, shown_left: shown} = finding.evidence;
  return [
    'about members that have stayed for longer than ' + span(beyond) + ': ' + counted(stayed) + ' do now',
    'growth: ' + counted(growth.came) + ' came and ' + counted(growth.left) + ' left in ' + span(growth.for_s) + ': ' +
      growth.nats.toFixed(1) + ' nats, ' + needed.toFixed(1) + ' needed',
    'cohort: ' + counted(cohort.left) + ' left, ' + cohort.expected.toFixed(1) + ' or more would have if they were healthy: ' +
      cohort.nats.toFixed(1) + ' nats, ' + needed.toFixed(1) + ' needed',
    shown > 0 && counted(shown) + ' left while it was watched, which showed how long they stay',
    'judged over ' + span(finding.judged_s) + (finding.ground ? '; ground: ' + finding.ground : ''),
  ].filter(Boolean);
}

function namesLines(named) {
  if (!named) return [];
  const names = named.names.map((one) => one.name + ' (' + counted(one.members) + ')');
  const labels = named.labels.map((one) => one.key + '=' + one.value + ' (' + counted(one.members) + ')');
  return [names.concat(labels).join(', ') + ', of ' + counted(named.asked) + ' that were asked'];
}

function headline(finding) {
  const waits = [finding.reason, finding.cause].filter(Boolean).join(', ');
  const label = finding.label ? [finding.label.key + (finding.label.value !== undefined ? '=' + finding.label.value : ' ' + finding.label.is)] : [];
  return [waits === '' ? 'in several places' : waits, ...label].join(', ');
}

function findingFigures(finding) {
  return h('p', {class: 'figures-line'},
    h('strong', null, rate(finding.per_second)), ' · ', counted(finding.live), ' live · ',
    counted(finding.left), ' of ', counted(finding.joined), ' left while watched · oldest wait ', span(finding.oldest_wait_s));
}

function stackPart(name, frames, several, query) {
  return h('section', null, h('h4', null, name, several && h('small', null, ' where most are')), stackList(frames, query));
}

function findingCard(finding, {query, withProcess, level} = {}) {
  const evidence = finding.evidence ? evidenceLines(finding) : [];
  return h('article', {class: 'finding ' + finding.verdict.replaceAll(' ', '-'), key: 'f' + finding.pid + finding.fault + finding.verdict, tabindex: -1, 'data-row': true},
    h(level ?? 'h3', null, badge(finding.verdict), finding.would_be && h('small', null, ' would be ' + finding.would_be), ' ', highlighted(headline(finding), query)),
    withProcess && h('p', null, processLink(finding, finding.service), ' ', h('span', {class: 'faint'}, 'pid ' + finding.pid)),
    findingFigures(finding),
    h('dl', {class: 'lines'},
      linesOfText('because', finding.because), linesOfText('waits for', finding.chain), linesOfText('would end it', finding.select_cases),
      linesOfText('named', namesLines(finding.named)), linesOfText('projected', projectionText(finding.projection)),
      linesOfText('usual fix', finding.fix ? [finding.fix] : [])),
    h('div', {class: 'stacks'},
      stackPart('parked at', finding.parked_at, finding.several_places, query),
      stackPart('spawned at', finding.spawned_at, finding.several_births, query)),
    evidence.length > 0 && h('details', {class: 'evidence'}, h('summary', null, 'evidence'), h('ul', null, evidence.map((line) => h('li', null, line)))),
    h('p', {class: 'faint small'}, 'fault ', h('code', null, finding.fault), ' · stack ',
      h('a', {href: hashOf(['search'], {q: finding.spawn_stack})}, h('code', null, finding.spawn_stack)), ' · ',
      h('a', {href: hashOf(['flame'], {pid: finding.pid})}, 'flame graph')));
}

// A table that becomes a list of cards where it is narrow. `columns`: [{name, sort, number}].
function table(label, columns, rows, {sort, onSort} = {}) {
  const head = columns.map((column) => h('th', {
    role: 'columnheader', scope: 'col', class: column.number ? 'number' : null,
    'aria-sort': column.sort && sort?.by === column.sort ? (sort.down ? 'descending' : 'ascending') : null,
  }, column.sort ? h('button', {type: 'button', class: 'sort', onclick: () => onSort(column.sort)}, column.name,
    h('span', {'aria-hidden': 'true'}, sort?.by === column.sort ? (sort.down ? ' ↓' : ' ↑') : '')) : column.name));
  return h('table', {role: 'table', 'aria-label': label},
    h('thead', {role: 'rowgroup'}, h('tr', {role: 'row'}, head)),
    h('tbody', {role: 'rowgroup'}, rows));
}

function row(key, columns, cells, props) {
  return h('tr', {role: 'row', key, ...props}, cells.map((cell, i) => h('td', {
    role: 'cell', class: columns[i].number ? 'number' : null, 'data-name': columns[i].name,
  }, cell)));
}
