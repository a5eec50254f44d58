/** Frames without an origin, in which the package runs. */

import { until } from "./wait.mjs";

/**
 * Puts a sandboxed frame into a page, which shows the same page.
 *
 * @param {import("playwright-core").Page} page
 */
export async function openSandbox(page) {
  // A script of another origin is asked for with CORS, which the server of the page does not speak: so the page
  // hands its own modules on.
  await page.route(/\.js$/, async (route) => {
    const response = await route.fetch();
    const headers = { ...response.headers(), "access-control-allow-origin": "*" };
    await route.fulfill({ response, headers });
  });
  const before = page.frames().length;
  await page.evaluate(() => {
    const frame = Object.assign(document.createElement("iframe"), { src: location.href });
    frame.sandbox = "allow-scripts";
    document.body.append(frame);
  });
  const frame = await until("the frame", () => page.frames()[before]);
  await frame.waitForFunction(() => window.clientOf !== undefined);
  return frame;
}
