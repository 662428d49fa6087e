// What a search finds. Knows nothing of the page, so that a test can run it.
'use strict';

// The words of a query, all of which a text has to have, in any order.
function wordsOf(query) {
  return query.toLowerCase().split(/\s+/).filter((word) => word !== '');
}

function hasWords(text, words) {
  const lower = text.toLowerCase();
  return words.every((word) => lower.includes(word));
}

function processText(process) {
  return [process.service, process.pid, process.command, process.user, process.container, process.cgroup,
    process.build_id, process.runtime].join(' ');
}

function filterProcesses(processes, query) {
  const words = wordsOf(query);
  return processes.filter((one) => hasWords(processText(one), words));
}

function filterUnwatched(unwatched, query) {
  const words = wordsOf(query);
  return unwatched.filter((one) => hasWords([one.pid, one.command, one.why].join(' '), words));
}

function frameText(frame) {
  return frame.function + ' ' + (frame.file ?? '') + (frame.line ? ':' + frame.line : '');
}

// Stacks of all `processes` (with their stacks and findings): each once, with who has it and the frames that match.
function findStacks(processes, query) {
  const words = wordsOf(query);
  const found = new Map();
  for (const process of processes) {
    for (const stack of process.stacks) {
      const frames = stack.spawned_at.filter((frame) => hasWords(frameText(frame), words));
      const byId = words.length === 1 && stack.stack.startsWith(words[0]) && stack.stack !== 'other';
      if (frames.length === 0 && !byId) continue;
      if (!found.has(stack.stack)) found.set(stack.stack, {stack, frames, live: 0, processes: []});
      const row = found.get(stack.stack);
      row.live += stack.live;
      row.processes.push({process, live: stack.live});
    }
  }
  return [...found.values()].sort((a, b) => b.live - a.live);
}

function findingText(finding) {
  const frames = [...(finding.parked_at ?? []), ...(finding.spawned_at ?? [])];
  return [finding.verdict, finding.reason, finding.cause, finding.service, finding.pid, finding.fault,
    ...frames.map(frameText)].join(' ');
}

function findFindings(processes, query) {
  const words = wordsOf(query);
  return processes.flatMap((one) => one.findings).filter((one) => hasWords(findingText(one), words));
}

// `text` in parts, each with whether it is one of the words: [[text, matches]].
function marked(text, query) {
  const words = wordsOf(query);
  const lower = text.toLowerCase();
  // Where lower case is of another length, places would not fit.
  if (words.length === 0 || lower.length !== text.length) return [[text, false]];
  const hit = new Array(text.length).fill(false);
  for (const word of words) {
    for (let at = lower.indexOf(word); at >= 0; at = lower.indexOf(word, at + 1)) hit.fill(true, at, at + word.length);
  }
  const parts = [];
  for (let i = 0; i < text.length; i++) {
    if (i > 0 && hit[i] === hit[i - 1]) parts[parts.length - 1][0] += text[i];
    else parts.push([text[i], hit[i]]);
  }
  return parts;
}
