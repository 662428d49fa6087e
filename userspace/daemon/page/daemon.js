// Asks the daemon. A token is kept for as long as this tab is open, and sent to nobody else.
'use strict';

const patience = 10000;  // ms for an answer
const tokenName = 'coroscope-token';

class Refusal extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;  // 0: no answer
  }
}

class Daemon {
  constructor() {
    this.token = sessionStorage.getItem(tokenName) ?? '';
  }

  setToken(token) {
    this.token = token;
    if (token === '') sessionStorage.removeItem(tokenName);
    else sessionStorage.setItem(tokenName, token);
  }

  async fetch(path) {
    const headers = this.token === '' ? {} : {Authorization: 'Bearer ' + this.token};
    let answer;
    try {
      answer = await fetch(path, {headers, credentials: 'omit', cache: 'no-store', redirect: 'error', signal: AbortSignal.timeout(patience)});
    } catch (error) {
      throw new Refusal(0, error.name === 'TimeoutError' ? 'no answer in ' + patience / 1000 + ' s' : 'no answer');
    }
    if (!answer.ok) throw new Refusal(answer.status, (await answer.text()).trim());
    return answer;
  }

  async json(path) {
    const answer = await this.fetch(path);
    try {
      return await answer.json();
    } catch (error) {
      throw new Refusal(0, 'the answer broke off');
    }
  }

  // Null if there is no such thing.
  async jsonOrNull(path) {
    try {
      return await this.json(path);
    } catch (error) {
      if (error.status === 404) return null;
      throw error;
    }
  }

  // As a file: a link could not send the token.
  async download(path, name) {
    const answer = await this.fetch(path);
    const link = document.createElement('a');
    link.href = URL.createObjectURL(await answer.blob());
    link.download = name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 60000);
  }
}

// #/flame?pid=7 as {path: ['flame'], parameters: Map}.
function readHash(hash) {
  const text = hash.replace(/^#\/?/, '');
  const [path, query] = text.split(/\?(.*)/s);
  const parameters = new Map(new URLSearchParams(query ?? ''));
  return {path: path.split('/').filter((one) => one !== '').map(decoded), parameters};
}

function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch (error) {
    return text;
  }
}

function hashOf(path, parameters = {}) {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(parameters)) {
    if (value !== null && value !== undefined && value !== '' && value !== false) query.set(name, value);
  }
  const text = query.toString();
  return '#/' + path.map(encodeURIComponent).join('/') + (text === '' ? '' : '?' + text);
}
