/* Paints what a picture will look like from its ThumbHash, 25 bytes, until the picture is there. Its mean colour is in
   the page already. Format: evanw/thumbhash; generation/placeholders.py writes it. */
const EDGE = 16;

/* the waves of one channel that a hash keeps, in its order: the low triangle, without the mean */
const kept = (across, down) => {
  const waves = [];
  for (let row = 0; row < down; row += 1) {
    for (let column = row ? 0 : 1; column * down < across * (down - row); column += 1) waves.push([row, column]);
  }
  return waves;
};

const decode = (hash) => {
  const bytes = Uint8Array.from(atob(hash), (letter) => letter.charCodeAt(0));
  const header = bytes[0] | (bytes[1] << 8) | (bytes[2] << 16);
  const shape = bytes[3] | (bytes[4] << 8);
  const hasAlpha = header >> 23;
  const longest = hasAlpha ? 5 : 7;
  const shortest = Math.max(1, shape & 7);
  const [across, down] = shape >> 15 ? [longest, shortest] : [shortest, longest];
  const width = across > down ? EDGE : Math.max(1, Math.round(EDGE * across / down));
  const height = across > down ? Math.max(1, Math.round(EDGE * down / across)) : EDGE;
  let place = hasAlpha ? 12 : 10;
  const nibble = () => {
    const byte = bytes[place >> 1];
    const value = place & 1 ? byte >> 4 : byte & 15;
    place += 1;
    return value / 7.5 - 1;
  };
  const channel = (mean, scale, wide, high) => ({ mean, waves: kept(wide, high).map(([row, column]) => [row, column, nibble() * scale * 2]) });
  const light = channel((header & 63) / 63, (header >> 18 & 31) / 31, Math.max(3, across), Math.max(3, down));
  const yellowBlue = channel((header >> 6 & 63) / 31.5 - 1, (shape >> 3 & 63) / 63 * 1.25, 3, 3);
  const redGreen = channel((header >> 12 & 63) / 31.5 - 1, (shape >> 9 & 63) / 63 * 1.25, 3, 3);
  const at = ({ mean, waves }, x, y) => waves.reduce(
    (sum, [row, column, size]) => sum + size * Math.cos(Math.PI / width * (x + 0.5) * column) * Math.cos(Math.PI / height * (y + 0.5) * row), mean);
  const picture = new ImageData(width, height);
  for (let y = 0, into = 0; y < height; y += 1) {
    for (let x = 0; x < width; x += 1, into += 4) {
      const [l, p, q] = [at(light, x, y), at(yellowBlue, x, y), at(redGreen, x, y)];
      const blue = l - 2 / 3 * p;
      const red = (3 * l - blue + q) / 2;
      // a Uint8ClampedArray rounds and clamps by itself
      picture.data.set([red * 255, (red - q) * 255, blue * 255, 255], into);
    }
  }
  return picture;
};

const canvas = document.createElement("canvas");
const paint = (box) => {
  const hash = box.dataset.thumbhash;
  delete box.dataset.thumbhash;
  const image = box.querySelector("img");
  if (image?.complete && image.naturalWidth) return;
  try {
    const picture = decode(hash);
    canvas.width = picture.width;
    canvas.height = picture.height;
    canvas.getContext("2d").putImageData(picture, 0, 0);
    box.style.backgroundImage = `url(${canvas.toDataURL()})`;
  } catch {
    // a hash that is none: the mean colour stays
  }
};

/* near the screen only, and whatever comes later */
const seen = new IntersectionObserver((entries) => {
  for (const { isIntersecting, target } of entries) if (isIntersecting) { seen.unobserve(target); paint(target); }
}, { rootMargin: "600px" });
const watch = (place) => { for (const box of place.querySelectorAll("[data-thumbhash]")) seen.observe(box); };
watch(document);
document.addEventListener("htmx:after:settle", () => watch(document));
