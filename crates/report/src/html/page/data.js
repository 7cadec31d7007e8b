// What is in the file: a block a scenario, unpacked when it is opened.

const unpacked = new Map();

/** The outcome of scenario number `at`. */
function outcome(at) {
  if (!unpacked.has(at)) unpacked.set(at, unpack(at));
  return unpacked.get(at);
}

async function unpack(at) {
  const block = document.getElementById(`data-${at}`);
  if (!block) throw new Error(`there is no scenario ${at} in this file`);
  const packed = new Blob([bytes(block.textContent)]);
  const stream = packed.stream().pipeThrough(new DecompressionStream("deflate"));
  return JSON.parse(await new Response(stream).text());
}

/** The bytes of base64. */
function bytes(base64) {
  if (Uint8Array.fromBase64) return Uint8Array.fromBase64(base64);
  const text = atob(base64);
  const out = new Uint8Array(text.length);
  for (let at = 0; at < text.length; at++) out[at] = text.charCodeAt(at);
  return out;
}

