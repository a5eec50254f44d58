import { connects } from "./connects.js";

self.onmessage = ({ data }) => {
  connects(data).then((found) => self.postMessage(found));
};
