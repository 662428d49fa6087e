// The view of one process, and that of a service: figures, trend, verdicts, stacks, downloads.
'use strict';

const ranges = [[900, '15 min'], [3600, '1 hour'], [21600, '6 hours'], [86400, '1 day'], [604800, '7 days'], [2592000, '30 days']];
const defaultRange = 3600;

function rangeOf(route) {
  const asked = Number(route.parameters.get('range'));
  return ranges.some(([seconds]) => seconds === asked) ? asked : defaultRange;
}

function rangeLinks(route) {
  return h('nav', {class: 'ranges', 'aria-label': 'range of the trend'}, ranges.map(([seconds, name]) => h('a', {
    href: hashOf(route.path, {...Object.fromEntries(route.parameters), range: seconds}),
    'aria-current': rangeOf(route) === seconds ? 'true' : null}, name)));
}

function processFigures(app, process) {
  const growth = growthOf(app.memory.of(keyOf(process)).samples);
  return h('dl', {class: 'figures'},
    figure('live', counted(process.live), counted(process.parked) + ' parked'),
    figure('growth', rate(growth), 'by this page', growth > 0.05 ? 'growing' : ''),
    figure('born', counted(process.spawned), 'since attach'), figure('ended', counted(process.exited), 'since attach'),
    figure('seen', share(process.completeness), process.withheld ? 'below ' + share(process.floor) : null, process.withheld ? 'bad' : process.completeness < 1 ? 'doubtful' : ''),
    figure('faults', process.withheld ? 'withheld' : counted(process.faults), null, process.faults > 0 ? 'bad' : ''));
}

function processFacts(process) {
  const rows = [
    ['command', h('code', null, process.command)], ['user', process.user], ['container', process.container], ['cgroup', process.cgroup],
    ['build id', h('code', null, process.build_id || 'none')], ['runtime', process.runtime],
    ['probes', process.probes + (process.sample > 1 ? ', parks of one in ' + process.sample : '')],
    ['attached', moment(unixOf(process.attached)) + ', when ' + counted(process.baseline) + ' were alive'],
    ['last look', moment(unixOf(process.looked)) + ' (' + counted(process.censuses) + ' censuses, ' + counted(process.glances) + ' of the counters alone)'],
  ];
  return h('details', {class: 'facts'}, h('summary', null, 'about this process'),
    h('dl', {class: 'lines'}, rows.filter(([, value]) => value !== '').map(([name, value]) => [h('dt', null, name), h('dd', null, value)])));
}

function whyNoHistory(app) {
  return app.noHistory || 'the history has nothing of it yet';
}

// A service as it was, whichever processes it had; or what the page saw itself.
function trendPart(app, route, history, {pid, source}) {
  const growing = growthTexts(history).slice(0, mostLines);
  const onPick = (time) => app.go(['flame'], {pid, service: history.service_id, time});
  return h('section', {class: 'card trend'}, h('h2', null, 'Trend'), source === 'history' && rangeLinks(route),
    h('p', {class: 'faint'}, source === 'history' ? 'Of the service, from the daemon’s history.' :
      'What this page has seen since ' + clock(app.openedAt) + ' (' + whyNoHistory(app) + ').'),
    growing.length > 0 && h('ul', {class: 'note doubtful'}, growing.map((text) => h('li', null, text))),
    chart('trend', history, {...app.chartOptions(), pid, onPick, hint: 'click or press Enter for its flame graph'}));
}

function statesPart(process) {
  const all = Math.max(1, process.states.reduce((sum, one) => sum + one.coroutines, 0));
  const states = [...process.states].sort((a, b) => b.coroutines - a.coroutines);
  if (states.length === 0) return null;
  const columns = [{name: 'State'}, {name: 'Coroutines', number: true}, {name: 'Share'}];
  return h('section', {class: 'card'}, h('h2', null, 'What they do'), table('states', columns, states.map((one) => row(one.state + one.reason, columns, [
    one.reason === '' ? one.state : one.state + ': ' + one.reason, counted(one.coroutines),
    [h('span', {class: 'barline', 'aria-hidden': 'true', style: {'--part': 100 * one.coroutines / all + '%'}}), ' ' + share(one.coroutines / all)]]))));
}

function stackCell(stack, query) {
  return h('details', {class: 'stack-cell'}, h('summary', null, topOf(stack)), stack.spawned_at.length > 0 && stackList(stack.spawned_at, query),
    stack.stack !== 'other' && h('p', {class: 'faint small'}, 'stack ', h('a', {href: hashOf(['search'], {q: stack.stack})}, h('code', null, stack.stack))));
}

function stacksPart(process) {
  const columns = [{name: 'Spawned at'}, {name: 'Live', number: true}, {name: 'Since attach', number: true}, {name: 'Born', number: true}, {name: 'Ended', number: true}];
  const stacks = process.stacks.filter((one) => one.live > 0 || one.spawned > 0).sort((a, b) => b.live - a.live);
  return h('section', {class: 'card'}, h('h2', null, 'Stacks'), h('p', {class: 'faint'}, 'Where they were born: those that are most, and those that became more.'),
    table('spawn stacks', columns, stacks.map((one) => row(one.stack, columns,
      [stackCell(one), counted(one.live), signed(one.live - one.baseline), counted(one.spawned), counted(one.exited)], {'data-row': true}))));
}

function findingsPart(process) {
  const open = process.findings;
  return h('section', null, h('h2', null, 'Verdicts'),
    open.length === 0 && h('p', {class: 'card'}, process.judged ? 'Nothing is wrong, as far as was seen.' : 'Not judged yet: that takes five looks, and five seconds.'),
    open.map((one) => findingCard(one, {})));
}

function downloadsPart(app, process) {
  const base = '/debug/pprof/goroutine?pid=' + process.pid;
  const link = (query, text, name) => h('li', null, h('a', {href: base + query, download: name, onclick: app.daemon.token === '' ? null : (event) => {
    event.preventDefault();
    app.save(base + query, name);
  }}, text));
  return h('section', {class: 'card'}, h('h2', null, 'Downloads'),
    h('ul', null, link('', 'profile for go tool pprof', `coroutines-${process.pid}.pb.gz`),
      link('&debug=1', 'counted by stack, as text', `coroutines-${process.pid}.1.txt`), link('&debug=2', 'each coroutine, as text', `coroutines-${process.pid}.2.txt`)),
    h('p', {class: 'faint'}, 'A profile is taken when you ask for it.'));
}

function staleNote(app, process) {
  const age = unixOf(app.all.time) - unixOf(process.looked);
  return age > 60 && note('doubtful', 'The latest look at this process was ', span(age), ' before the daemon’s others.');
}

const processView = {
  title: (route, data) => data?.process ? data.process.service + ' ' + data.process.pid : 'Process ' + route.path[1],
  async load(app, route) {
    const process = await app.oneProcess(route.path[1]);
    if (process === null) return {process};
    const history = await app.historyOf(process.service_id, rangeOf(route));
    return {process, history};
  },
  draw(app, route, {process, history}) {
    if (process === null) return goneProcess(app, route.path[1]);
    const seen = historyOf(app.memory.of(keyOf(process)), process);
    const hasHistory = history !== null && history.samples.length >= 2;
    return [
      h('h1', null, process.service, ' ', h('small', null, 'pid ', process.pid)),
      h('p', {class: 'command'}, shortCommand(process.command)),
      h('p', null, h('a', {href: hashOf(['flame'], {pid: process.pid})}, 'Flame graph'),
        app.noHistory === '' && [' · ', h('a', {href: hashOf(['service', process.service_id])}, 'the service and its instances')]),
      processFigures(app, process), withheldNote(process), lossesNote(process), staleNote(app, process),
      process.remarks.map((one) => note('', one)),
      trendPart(app, route, hasHistory ? history : seen, {pid: process.pid, source: hasHistory ? 'history' : 'page'}),
      findingsPart(process), statesPart(process), stacksPart(process),
      h('section', {class: 'card'}, processFacts(process)),
      downloadsPart(app, process),
    ];
  },
};

function goneProcess(app, pid) {
  const services = (app.services ?? []).map((one) => h('li', null, h('a', {href: hashOf(['service', one.service_id])}, one.service)));
  return [h('h1', null, 'Process ', pid), note('bad', 'No such process is watched: it has ended, or was never watched.'),
    services.length > 0 && [h('p', null, 'What services were like is in the history:'), h('ul', null, services)],
    h('p', null, h('a', {href: hashOf([])}, 'All processes'))];
}

function instancesPart(history) {
  const columns = [{name: 'PID', number: true}, {name: 'Build'}, {name: 'From'}, {name: 'To'}];
  return h('section', {class: 'card'}, h('h2', null, 'Instances'), table('instances', columns, [...history.instances].reverse().map((one) => row(String(one.instance), columns, [
    one.ended ? one.pid : processLink(one, one.pid), h('code', {title: one.build_id}, shortBuild(one.build_id)), moment(one.from), one.ended ? moment(one.to) : 'runs']))));
}

const mostEvents = 50;

// What happened, the latest first.
function eventsPart(history) {
  const events = history.events.filter((one) => one !== null).reverse();
  if (events.length === 0) return null;
  const columns = [{name: 'Time'}, {name: 'Event'}, {name: 'PID', number: true}, {name: 'What'}];
  const what = (one) => [one.verdict, one.reason, one.cause, one.why].filter(Boolean).join(', ');
  return h('section', {class: 'card'}, h('h2', null, 'Events'),
    table('events', columns, events.slice(0, mostEvents).map((one, i) => row('e' + i, columns, [
      moment(unixOf(one.time)), String(one.event).replaceAll('_', ' '), one.pid ?? '', what(one)]))),
    (events.length > mostEvents || history.events_cut) && h('p', {class: 'faint'}, 'There were more before.'));
}

function gapsPart(history) {
  if (history.gaps.length === 0) return null;
  return h('section', {class: 'card'}, h('h2', null, 'Gaps'), h('ul', null, history.gaps.map((one) =>
    h('li', null, moment(one.from), ' to ', moment(one.to), ' (', span(one.to - one.from), '): ', one.why))));
}

const serviceView = {
  title: (route, data) => data?.history?.service ?? 'Service',
  load: async (app, route) => ({history: await app.historyOf(route.path[1], rangeOf(route))}),
  draw(app, route, {history}) {
    if (history === null) return [h('h1', null, 'Service'), note('bad', 'Nothing is known of this service: ', app.noHistory || 'it is not in the history', '.')];
    return [h('h1', null, history.service, ' ', h('small', null, 'service')), trendPart(app, route, history, {source: 'history'}),
      instancesPart(history), eventsPart(history), gapsPart(history),
      h('p', null, h('a', {href: hashOf(['flame'], {service: history.service_id})}, 'Flame graph of a moment'))];
  },
};
