import { connects, place } from "./connects.js";

connects(place()).then((found) => {
  document.title = found;
});
