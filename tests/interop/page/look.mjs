// Looks at status pages in Chromium, as a person and as a screen reader would; a line for each thing that is wrong.
// Usage: node look.mjs CHROMIUM NAME=URL...   With PICTURES=FOLDER it leaves pictures there. The folder BROWSER_TOOLS
// has the packages that .ci/tools installed.
import { createRequire } from 'node:module';
import fs from 'node:fs';
import path from 'node:path';

const require = createRequire(path.join(path.resolve(process.env.BROWSER_TOOLS), 'look.mjs'));
const { chromium } = require('playwright-core');
const { HtmlValidate } = require('html-validate');
const axe = fs.readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');

const [browserPath, ...pages] = process.argv.slice(2);
const flags = ['--no-sandbox', '--disable-gpu', '--disable-background-networking', '--disable-component-update'];
const browser = await chromium.launch({ executablePath: browserPath, args: flags });
// The page is strict XML as well, so that the tests in Rust can read it: its void elements are closed.
const validator = new HtmlValidate({
  extends: ['html-validate:recommended'],
  rules: { 'void-style': ['error', { style: 'selfclose' }], 'long-title': 'off' },
});
let wrong = 0;
const complain = (...words) => { wrong += 1; console.log(...words); };

async function open(url, colorScheme, width, javaScriptEnabled, name) {
  const context = await browser.newContext({ colorScheme, viewport: { width, height: 900 }, javaScriptEnabled });
  const page = await context.newPage();
  page.on('console', (message) => complain(name, 'console:', message.text()));
  page.on('request', (request) => {
    if (request.url() !== url && !request.url().startsWith('data:')) complain(name, 'loads', request.url());
  });
  const response = await page.goto(url);
  return { context, page, response };
}

/** The roles that assistive technology is told, and how often. */
async function roles(page) {
  const session = await page.context().newCDPSession(page);
  const { nodes } = await session.send('Accessibility.getFullAXTree');
  const counts = {};
  for (const node of nodes.filter((node) => !node.ignored)) {
    const role = node.role?.value;
    if (['table', 'row', 'columnheader', 'rowheader', 'cell', 'image', 'heading'].includes(role)) {
      counts[role] = (counts[role] ?? 0) + 1;
    }
  }
  return JSON.stringify(counts);
}

/** As a person sees it, with scripts off. */
async function look(name, url) {
  for (const scheme of ['light', 'dark']) {
    for (const width of [320, 1280, 3840]) {
      const here = `${name}, ${scheme}, ${width} px:`;
      const { context, page, response } = await open(url, scheme, width, false, here);
      if (response.status() !== 200) complain(here, 'status', response.status());
      const policy = response.headers()['content-security-policy'] ?? '';
      if (!policy.startsWith("default-src 'none'")) complain(here, 'policy', policy);
      if (scheme === 'light' && width === 320) {
        const report = await validator.validateString(await response.text());
        for (const found of report.results.flatMap((result) => result.messages)) {
          complain(name, `html-validate, line ${found.line}: ${found.ruleId}: ${found.message}`);
        }
      }
      const styled = await page.evaluate(() => getComputedStyle(document.querySelector('header')).backgroundColor);
      if (styled === 'rgba(0, 0, 0, 0)') complain(here, 'the style is not used');
      const over = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      if (over > 0) complain(here, `wider than the screen by ${over} px`);
      if (process.env.PICTURES) {
        const file = path.join(process.env.PICTURES, `${name}-${scheme}-${width}.png`);
        await page.screenshot({ path: file });
      }
      if (scheme === 'light' && width === 1280) {
        const wide = await roles(page);
        await page.setViewportSize({ width: 320, height: 900 });
        const narrow = await roles(page);
        if (wide !== narrow) complain(name, `a screen reader is told ${wide} on a wide screen, and ${narrow} on a narrow one`);
      }
      await context.close();
    }
  }
}

/** By the rules of WCAG 2.2 at level AA, and the best practices of axe-core. */
async function audit(name, url) {
  for (const scheme of ['light', 'dark']) {
    for (const width of [320, 1280]) {
      const here = `${name}, ${scheme}, ${width} px:`;
      const { context, page } = await open(url, scheme, width, true, here);
      await page.evaluate(axe);
      const { violations, passes } = await page.evaluate(() => globalThis.axe.run(document));
      if (passes.length < 20) complain(here, `axe-core found only ${passes.length} rules to check`);
      for (const { id, help, nodes } of violations) complain(here, `axe-core: ${id}: ${help}: ${nodes[0].html}`);
      await context.close();
    }
  }
}

for (const page of pages) {
  const [name, url] = [page.slice(0, page.indexOf('=')), page.slice(page.indexOf('=') + 1)];
  await look(name, url);
  await audit(name, url);
}
await browser.close();
console.log(`${pages.length} pages, ${wrong} things wrong`);
process.exit(wrong === 0 ? 0 : 1);
