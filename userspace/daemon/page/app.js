// Joins it all: which view is shown, when the daemon is asked, and what is said if it does not answer.
'use strict';

const refreshEvery = 2000;    // ms
const oldAfter = 60;          // seconds without a new look of the daemon
const historyFor = 10;        // seconds for which a history is not asked for again
const mostPoints = 400;
const byId = (id) => document.getElementById(id);

const views = {
  '': processesView, process: processView, service: serviceView, verdicts: verdictsView, flame: flameView, search: foundView,
};

class App {
  constructor() {
    this.daemon = new Daemon();
    this.memory = new Memory();
    this.openedAt = Date.now() / 1000;
    this.route = readHash(location.hash);
    this.data = null;         // of the view; null until it is there
    this.all = null;          // what /api/v1/processes said
    this.allChanged = 0;      // when it last said another time
    this.services = null;     // of the history; null: not known whether there is one
    this.noHistory = '';      // why there is none
    this.historyIsOff = false;
    this.histories = new Map();
    this.details = new Map();  // pid -> {process, at}
    this.failure = null;      // {status, message, since}
    this.sort = null;
    this.paused = false;
    this.withRuntime = false;
    this.fromZero = true;
    this.turn = 0;            // of loading: an answer to an older one is not shown
    this.graph = new FlameGraph(new FlameState(), () => this.redraw());
  }

  view() {
    return views[this.route.path[0] ?? ''] ?? null;
  }

  go(path, parameters, instead = false) {
    const hash = hashOf(path, parameters);
    if (instead) window.history.replaceState(null, '', hash);
    else location.hash = hash;
    if (instead) this.arrive();
  }

  // Another view, or the same one of something else.
  arrive() {
    const before = this.route;
    this.route = readHash(location.hash);
    const same = before.path.join('/') === this.route.path.join('/') && before.parameters.get('pid') === this.route.parameters.get('pid');
    if (!same) {
      this.data = null;
      this.graph = new FlameGraph(new FlameState(), () => this.redraw());
      window.scrollTo(0, 0);
      byId('content').focus({preventScroll: true});
    }
    const query = this.route.parameters.get('q') ?? '';
    if (document.activeElement !== byId('query')) byId('query').value = query;
    this.redraw();
    this.load();
  }

  change(how) {
    how();
    this.redraw();
  }

  // Asks for all that is shown; may be called at any time.
  async load() {
    clearTimeout(this.timer);
    const turn = ++this.turn;
    try {
      await this.loadAll();
      const view = this.view();
      const data = view === null ? {} : await view.load(this, this.route);
      if (turn !== this.turn) return;
      this.data = data;
      this.failure = null;
    } catch (error) {
      if (turn !== this.turn) return;
      this.fail(error);
    }
    this.redraw();
    this.later();
  }

  later() {
    clearTimeout(this.timer);
    if (!this.paused && !document.hidden && this.failure?.status !== 401) this.timer = setTimeout(() => this.load(), refreshEvery);
  }

  fail(error) {
    if (!(error instanceof Refusal)) console.error(error);  // a defect of this page: told, too
    if (error.status === 401) this.wrongToken = this.daemon.token !== '';
    this.failure = {status: error.status ?? -1, message: error.message, since: this.failure?.since ?? Date.now() / 1000};
    if (error.status === 0) this.services = null;  // another daemon may be there when it answers again
  }

  async loadAll() {
    const all = await this.daemon.json('/api/v1/processes');
    if (this.all?.time !== all.time) this.allChanged = Date.now() / 1000;
    this.all = all;
    this.memory.rememberAll(all);
    if (this.services === null || !this.historyIsOff) await this.loadServices();
  }

  async loadServices() {
    const now = Date.now() / 1000;
    if (this.services !== null && now - this.servicesAt < historyFor) return;
    this.servicesAt = now;
    const answer = await this.askHistory('/api/v1/services');
    this.services = answer?.services ?? [];
    if (answer !== null) this.noHistory = '';
  }

  // What is wrong with the history is no reason to show nothing.
  async askHistory(path) {
    try {
      return await this.daemon.json(path);
    } catch (error) {
      if (!(error instanceof Refusal) || error.status === 401 || error.status === 0) throw error;
      this.noHistory = error.message;
      this.historyIsOff = error.status === 404;
      return null;
    }
  }

  // One process with its stacks; null if it is not watched. `seconds`: how old it may be.
  async oneProcess(pid, seconds = 1) {
    if (!this.all.processes.some((one) => String(one.pid) === String(pid))) return null;
    const known = this.details.get(String(pid));
    if (known && Date.now() / 1000 - known.at < seconds) return known.process;
    const process = await this.daemon.jsonOrNull('/api/v1/processes/' + encodeURIComponent(pid));
    if (this.details.size > 2 * mostSearched) this.details.clear();
    this.details.set(String(pid), {process, at: Date.now() / 1000});
    if (process !== null) this.memory.rememberOne(process);
    return process;
  }

  // What the daemon keeps of a service; null if nothing.
  async historyOf(service, range) {
    if (this.noHistory !== '') return null;
    const now = Date.now() / 1000;
    const key = service + ' ' + range;
    const known = this.histories.get(key);
    if (known && now - known.at < Math.min(historyFor, range / mostPoints)) return known.answer;
    const to = Math.ceil(unixOf(this.all.time) ?? now);
    const found = await this.daemon.jsonOrNull(`/api/v1/services/${encodeURIComponent(service)}/history?from=${to - range}&to=${to}&points=${mostPoints}`);
    const answer = found === null ? null : trimmed(found);
    if (this.histories.size > 32) this.histories.clear();
    this.histories.set(key, {answer, at: now});
    return answer;
  }

  async stacksAt(service, time) {
    return this.daemon.jsonOrNull(`/api/v1/services/${encodeURIComponent(service)}/at?time=${Math.round(time)}`);
  }

  async save(path, name) {
    try {
      await this.daemon.download(path, name);
    } catch (error) {
      this.change(() => this.fail(error));
    }
  }

  // What all charts are told.
  chartOptions() {
    return {width: this.width(), redraw: () => this.redraw(), fromZero: this.fromZero, onZero: (is) => this.change(() => this.fromZero = is)};
  }

  // Of a chart in a card.
  width() {
    const narrow = window.matchMedia('(max-width: 640px)').matches;
    return Math.max(260, byId('content').clientWidth - (narrow ? 46 : 74));
  }

  redraw() {
    const title = this.view()?.title(this.route, this.data) ?? 'Nothing here';
    document.title = title + ' · coroscope';
    for (const link of document.querySelectorAll('nav [data-view]')) {
      const here = link.getAttribute('href').replace(/^#\//, '') === (this.route.path[0] ?? '');
      if (here) link.setAttribute('aria-current', 'page');
      else link.removeAttribute('aria-current');
    }
    render(byId('banner'), this.banner());
    render(byId('content'), this.contentOrDefect());
    byId('content').classList.toggle('old', this.failure !== null && this.failure.status !== 401);
    this.showStatus();
  }

  // A defect of a view is told, and nothing else ends with it.
  contentOrDefect() {
    try {
      return this.content();
    } catch (error) {
      console.error(error);
      return note('bad', h('strong', null, 'This page has a defect: '), error.message);
    }
  }

  content() {
    if (this.failure?.status === 401) return tokenForm(this);
    if (this.view() === null) return [h('h1', null, 'Nothing here'), h('p', null, h('a', {href: hashOf([])}, 'All processes'))];
    if (this.data === null || this.all === null) return h('p', {class: 'faint', key: 'loading'}, this.failure ? '' : 'Asking the daemon…');
    return this.view().draw(this, this.route, this.data);
  }

  banner() {
    if (this.failure?.status === -1) return note('bad', h('strong', null, 'This page has a defect: '), this.failure.message);
    if (this.failure !== null && this.failure.status !== 401) {
      return note('bad', h('strong', null, 'The daemon does not answer'), ' since ', clock(this.failure.since), ' (', this.failure.message, '). ',
        this.all === null ? '' : 'What is shown is from ' + clock(unixOf(this.all.time)) + '. ', 'It is asked again every ' + refreshEvery / 1000 + ' s.');
    }
    if (this.all !== null && this.failure === null && Date.now() / 1000 - this.allChanged > oldAfter) {
      return note('bad', h('strong', null, 'The daemon has not looked'), ' since ', moment(unixOf(this.all.time)), ': what is shown is of then.');
    }
    return null;
  }

  showStatus() {
    const text = this.paused ? 'Paused' : this.failure !== null ? 'No data' : this.all === null ? '' : 'Live';
    render(byId('status'), [text !== '' && h('span', {class: 'dot ' + text.toLowerCase().replace(' ', '-')}), text]);
    // Beside it: a reader of screens need not hear each new time.
    byId('as-of').textContent = this.all === null ? '' : ' · as of ' + clock(unixOf(this.all.time));
    byId('pause').textContent = this.paused ? 'Go on' : 'Pause';
    byId('pause').setAttribute('aria-pressed', String(this.paused));
    byId('forget').hidden = this.daemon.token === '';
  }

  pause() {
    this.paused = !this.paused;
    this.redraw();
    if (this.paused) clearTimeout(this.timer);
    else this.load();
  }

  forget() {
    this.daemon.setToken('');
    this.all = null;
    this.data = null;
    this.memory = new Memory();
    this.details.clear();
    this.histories.clear();
    this.wrongToken = false;
    this.load();
  }
}
