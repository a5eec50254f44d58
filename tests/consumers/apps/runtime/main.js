import process from "node:process";

import { connects } from "./connects.js";

const [url, token] = process.argv.slice(2);
console.log(await connects({ url, token }));
