// Where each value of a JSON text begins, by its pointer. A text that is no JSON has places as far as it can be read.

const TOKEN = /\s*([[\]{},:]|"(?:[^"\\]|\\.)*"|[^\s[\]{},:"]+)/y;

export function placesIn(text) {
  const places = new Map();
  let position = 0;

  function next() {
    TOKEN.lastIndex = position;
    const match = TOKEN.exec(text);
    if (match === null) throw new SyntaxError("no token");
    position = TOKEN.lastIndex;
    return { token: match[1], start: position - match[1].length };
  }

  function value(path, { token, start }) {
    if (!places.has(path)) places.set(path, start);
    if (token === "[") items(path);
    if (token === "{") members(path);
  }

  function items(path) {
    for (let index = 0, found = next(); found.token !== "]"; index += 1) {
      value(`${path}/${index}`, found);
      if (next().token === "]") return;
      found = next();
    }
  }

  function members(path) {
    for (let found = next(); found.token !== "}"; ) {
      const own = `${path}/${step(JSON.parse(found.token))}`;
      places.set(own, found.start);
      next();
      value(own, next());
      if (next().token === "}") return;
      found = next();
    }
  }

  try {
    value("#", next());
  } catch {
    // Shown as far as it goes.
  }
  return places;
}

// As the service escapes it: what a URI's fragment may hold stays.
function step(name) {
  const escaped = encodeURIComponent(name.replaceAll("~", "~0").replaceAll("/", "~1"));
  return escaped.replace(/%(24|26|2B|2C|3A|3B|3D|40)/g, (code) => decodeURIComponent(code));
}
