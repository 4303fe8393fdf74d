// What the page asks the server for. All requests go through here, with the token if one is needed.

import { askToken } from "./dialogs.js";

const TOKEN = "token";
const PATIENCE = 30; // times that a busy server is asked again
const TRIES = 4; // of a piece of a file
const PIECE = 2 ** 20; // bytes
let uploads = 0;
let tellWaiting = () => {};

export class Failure extends Error {
  constructor(message, status) {
    super(message);
    this.status = status;
  }
}

// Has `tell(reason)` called while a busy server is waited for, and `tell("")` when that is over.
export function onWaiting(tell) {
  tellWaiting = tell;
}

export async function json(path, options) {
  return (await request(path, options)).json();
}

export async function blob(path) {
  return (await request(path)).blob();
}

export async function request(path, options = {}) {
  for (let times = 0; ; times++) {
    let response;
    try {
      response = await fetch(`api/${path}`, { ...options, headers: authorization() });
    } catch (error) {
      if (options.signal?.aborted) throw error;
      throw new Failure("The server does not answer. Is it still running?", 0);
    } finally {
      if (times) tellWaiting("");
    }
    if (response.ok) return response;
    const text = await response.text();
    await settle(response.status, text, response.headers.get("Retry-After"), times);
  }
}

// Sends a file in pieces, each of which arrives within any server's patience, and again if it was
// lost. `progress` is told the share that has arrived, 0 to 1; `signal` ends it. Returns the answer
// to the last.
export async function upload(path, file, progress, signal) {
  const own = `upload=${Date.now()}-${uploads++}`; // of two alike each is a page
  for (let offset = 0; ; offset += PIECE) {
    const piece = file.slice(offset, offset + PIECE);
    const sent = await again(() => request(`${path}&${own}&offset=${offset}&size=${file.size}`,
      { method: "POST", body: piece, signal }));
    progress(Math.min(1, (offset + PIECE) / Math.max(1, file.size)));
    if (offset + PIECE >= file.size) return sent.json();
  }
}

// Tries a few times what the network loses.
export async function again(send) {
  for (let times = 1; ; times++) {
    try {
      return await send();
    } catch (error) {
      if (error.status !== 0 || times === TRIES) throw error;
      await pause(1000 * times);
    }
  }
}

export function pause(milliseconds) {
  return new Promise((done) => setTimeout(done, milliseconds));
}

// Returns when the request is to be made again, and throws where that is no use.
async function settle(status, text, retryAfter, times) {
  if (status === 401) {
    sessionStorage.setItem(TOKEN, await askToken(sessionStorage.getItem(TOKEN) !== null));
  } else if (status === 503 && times < PATIENCE) {
    tellWaiting(reason(status, text));
    await pause(1000 * Math.min(10, Number(retryAfter) || 1));
  } else {
    throw new Failure(reason(status, text), status);
  }
}

function reason(status, text) {
  try {
    return JSON.parse(text).error || `The server answered ${status}.`;
  } catch {
    return `The server answered ${status}.`;
  }
}

function authorization() {
  const token = sessionStorage.getItem(TOKEN);
  if (!token) return {};
  const bytes = new TextEncoder().encode(token); // a header takes no other characters
  return { Authorization: `Bearer ${String.fromCharCode(...bytes)}` };
}
