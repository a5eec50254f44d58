/** The page of `fixtures/plain`: the package without a bundler, driven from outside. */

import { plainSite } from "./app.mjs";

/**
 * Starts a server and opens the page that it serves.
 *
 * @param {import("./scene.mjs").Tools} the
 * @param {Parameters<typeof import("./browser.mjs").open>[1]} [options]
 * @param {{ args?: string[], policy?: string, replaces?: boolean }} [more] - Options of the server's
 *   command line; a Content-Security-Policy; see `startServer()`.
 */
export async function plainPage(the, options, { args, policy, replaces } = {}) {
  const app = the.use(plainSite());
  if (policy !== undefined) {
    const meta = `<meta http-equiv="Content-Security-Policy" content="${policy}" />`;
    app.write("index.html", app.read("index.html").replace("<head>", `<head>\n    ${meta}`));
  }
  const server = await the.server({ site: app.folder, args, replaces });
  const opened = await the.open(server.url, options);
  return { server, opened, page: opened.page, watch: opened.watch };
}

/**
 * Connects as an application would, in a page where something has gone wrong before.
 *
 * @param {import("playwright-core").Page} page
 * @returns {Promise<string>} The state.
 */
export async function connectsStill(page) {
  return await page.evaluate(async () => {
    const client = window.clientOf("zoe");
    await client.connect();
    await client.join("tea");
    return client.state;
  });
}
