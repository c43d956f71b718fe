/** The approval page's bundle as people meet it: in a browser, with a mouse, a keyboard, a phone, at night. */
import { readFileSync } from "node:fs";
import type { Browser, BrowserContextOptions, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { decideRequest, readIncident } from "../../aws/incident-store.ts";
import { runDrill } from "../../local/drill.ts";
import { readScenario } from "../../local/scenario.ts";
import { type LocalStack, startLocalStack } from "../../local/stack.ts";
import { recordedStage } from "../../local/stage.ts";
import { startChromium, whyNoChromium } from "./chromium.ts";
import { ask, type Question, useStore } from "./question.ts";

const missing = whyNoChromium();
if (missing !== undefined) {
  if (process.env.NAT_MEDIC_LAB === "required") throw new Error(missing);
  console.warn(`SKIPPED, the approval page in a browser: ${missing}`);
}

const sizes = { desktop: { width: 1280, height: 900 }, phone: { width: 390, height: 844 } } as const;

describe.skipIf(missing !== undefined)("in Chromium", () => {
  let stack: LocalStack;
  let browser: Browser;
  /** What the browser complained of: a violated policy, a script's error, something that could not be loaded. */
  const complaints: string[] = [];
  const posts: string[] = [];
  beforeAll(async () => {
    stack = await startLocalStack({ instances: {}, mode: "approve", approvalSeconds: 60 });
    useStore(stack);
    browser = await startChromium();
  });
  afterAll(async () => {
    await browser?.close();
    await stack?.stop();
  });
  afterEach(async () => {
    for (const context of browser.contexts()) await context.close();
    expect(complaints.splice(0)).toEqual([]);
    posts.length = 0;
  });

  async function visit(link: string, options: BrowserContextOptions = {}): Promise<Page> {
    const context = await browser.newContext({ viewport: sizes.desktop, ...options });
    const page = await context.newPage();
    page.on("console", (message) => complaints.push(message.text()));
    page.on("pageerror", (error) => complaints.push(String(error)));
    page.on("dialog", (dialog) => {
      complaints.push(`dialog: ${dialog.message()}`);
      void dialog.dismiss();
    });
    page.on("request", (request) => {
      if (!request.url().startsWith(new URL(link).origin)) complaints.push(`asked ${request.url()}`);
      if (request.method() === "POST") posts.push(request.postData() ?? "");
    });
    await page.goto(link);
    return page;
  }
  const decided = async ({ id }: Question) => (await readIncident(stack.table, id))?.requests[0]?.decided;
  const focused = (page: Page) =>
    page.evaluate<string>(
      "(({ activeElement: it }) => it.name ? it.name + (it.value && it.type === 'submit' ? '=' + it.value : '') : it.id || it.textContent)(document)",
    );

  describe("a person who was asked", () => {
    test("approves with a click, the state machine goes on, and the incident ends fixed", async () => {
      const event = JSON.parse(readFileSync("events/alarm-conntrack-utilization.json", "utf8"));
      let seen = "";
      const { record, outcome } = await runDrill({
        stage: recordedStage(readScenario("conntrack-table-full")),
        event,
        mode: "approve",
        person: async ({ link, answered }) => {
          const page = await visit(link);
          await page.getByLabel("Your name").fill("Ana Example");
          await page.getByRole("button", { name: "Approve both" }).click();
          seen = await page.getByRole("heading", { name: "Approved" }).innerText();
          await answered;
          return "nobody";
        },
      });
      expect(seen).toBe("Approved");
      expect(outcome).toBe("fixed");
      expect(record?.requests[0]).toMatchObject({
        delivered: true,
        decided: { decision: "approve", by: "Ana Example, 127.0.0.1 (approval page)" },
      });
      expect(record?.steps.map(({ answer }) => answer?.decision)).toEqual(["approve", "approve", undefined]);
    });

    test("rejects with a note, sees it at once, and loading again or going back sends nothing again", async () => {
      const question = await ask(stack);
      const page = await visit(question.link);
      await page.getByLabel("Note for the others").fill("Not during the <b>sale</b>: ask Bo & Cy");
      await page.getByRole("button", { name: "Reject" }).click();
      const verdict = page.getByRole("region", { name: "Rejected" });
      expect(await verdict.innerText()).toContain("Not during the b sale /b : ask Bo Cy");
      await page.reload();
      expect(await verdict.innerText()).toContain("Thank you");
      await page.goBack();
      await page.reload();
      expect(await verdict.innerText()).toContain("Thank you");
      expect(await page.getByRole("button").count()).toBe(0);
      expect(posts).toHaveLength(1);
    });

    test("clicks twice and decides once", async () => {
      const question = await ask(stack);
      const page = await visit(question.link);
      await page.getByRole("button", { name: "Approve both" }).dblclick();
      await page.getByRole("heading", { name: "Approved" }).waitFor();
      expect(await page.getByRole("status").count()).toBe(0);
      expect(await decided(question)).toMatchObject({ decision: "approve" });
    });

    test("answers on a page that was open for too long, and reads that it changed nothing", async () => {
      const question = await ask(stack);
      const page = await visit(question.link);
      const at = new Date().toISOString();
      const bo = { decision: "reject", by: "Bo", note: "too risky now", at } as const;
      await decideRequest(stack.table, question.id, question.request.secretHash, bo, at);
      await page.getByRole("button", { name: "Approve both" }).click();
      expect(await page.getByRole("status").innerText()).toContain("changed nothing");
      expect(await page.getByRole("region", { name: "Rejected" }).innerText()).toContain("too risky now");
      expect(await decided(question)).toEqual(bo);
    });

    test("needs no mouse: skips to the decision, and Enter in a field decides nothing", async () => {
      const question = await ask(stack);
      const page = await visit(question.link);
      await page.keyboard.press("Tab");
      expect(await focused(page)).toBe("Skip to the decision");
      await page.keyboard.press("Enter");
      await page.keyboard.press("Tab");
      expect(await focused(page)).toBe("name");
      await page.keyboard.type("Ana");
      await page.keyboard.press("Enter");
      await page.keyboard.press("Tab");
      expect(await focused(page)).toBe("note");
      await page.keyboard.type("go");
      await page.keyboard.press("Tab");
      expect(await focused(page)).toBe("decision=approve");
      await page.keyboard.press("Tab");
      expect(await focused(page)).toBe("decision=reject");
      expect(posts).toEqual([]);
      await page.keyboard.press("Shift+Tab");
      await page.keyboard.press("Enter");
      await page.getByRole("heading", { name: "Approved" }).waitFor();
      expect(posts).toHaveLength(1);
      expect(await decided(question)).toMatchObject({ by: expect.stringContaining("Ana"), note: "go" });
    });

    test("sees where the keyboard is, on everything that can be reached with it", async () => {
      const page = await visit((await ask(stack)).link);
      const outline =
        "getComputedStyle(document.activeElement).outlineStyle + getComputedStyle(document.activeElement).outlineWidth";
      const reached = new Set<string>();
      for (let press = 0; press < 12; press += 1) {
        await page.keyboard.press("Tab");
        if ((await page.evaluate("document.activeElement.tagName")) === "BODY") break;
        reached.add(await focused(page));
        expect(await page.evaluate(outline)).toBe("solid3px");
      }
      expect([...reached]).toEqual(
        expect.arrayContaining(["name", "note", "decision=approve", "decision=reject"]),
      );
    });
  });

  describe("the page", () => {
    test.each([320, 390, 640, 768, 1280, 2560])("needs no scrolling sideways at %i pixels", async (width) => {
      const { link } = await ask(stack);
      const page = await visit(link, { viewport: { width, height: 800 } });
      for (const summary of await page.locator("summary").all()) await summary.click();
      expect(await page.evaluate("document.documentElement.scrollWidth")).toBeLessThanOrEqual(width);
      const beyond = `[...document.querySelectorAll("main *")].filter((it) => !it.closest(".unseen, thead") && it.getBoundingClientRect().right > ${width} + .5).length`;
      expect(await page.evaluate(beyond)).toBe(0);
    });

    test("on a phone has the way to the decision always in reach, in a size for thumbs", async () => {
      const page = await visit((await ask(stack)).link, {
        viewport: sizes.phone,
        hasTouch: true,
        isMobile: true,
      });
      const jump = page.getByRole("link", { name: /^Decide/ });
      const box = (await jump.boundingBox())!;
      expect(box.y + box.height).toBeLessThanOrEqual(sizes.phone.height);
      await jump.tap();
      for (const button of [
        page.getByRole("button", { name: "Approve both" }),
        page.getByRole("button", { name: "Reject" }),
      ]) {
        // The way there is scrolled smoothly.
        await expect
          .poll(async () => (await button.boundingBox())!.y, { timeout: 5_000 })
          .toBeLessThanOrEqual(sizes.phone.height - 44);
        const { height, width } = (await button.boundingBox())!;
        expect(Math.min(height, width)).toBeGreaterThanOrEqual(44);
      }
    });

    test("is dark where its reader likes it dark", async () => {
      const { link } = await ask(stack);
      const grounds = [];
      for (const colorScheme of ["light", "dark"] as const) {
        const page = await visit(link, { colorScheme });
        grounds.push(await page.evaluate("getComputedStyle(document.body).backgroundColor"));
      }
      expect(grounds).toEqual(["rgb(243, 245, 247)", "rgb(14, 20, 26)"]);
    });

    test.each(Object.entries(sizes))(
      "can be heard as well as seen: roles and names at the size of a %s",
      async (_, viewport) => {
        const page = await visit((await ask(stack)).link, { viewport });
        expect(await page.title()).toBe("Waiting for a decision: i-0a1b2c3d4e5f67890 - NAT Medic");
        expect(await page.getByRole("banner").count()).toBe(1);
        const main = page.getByRole("main");
        expect(await main.getByRole("heading", { level: 1 }).allInnerTexts()).toEqual([
          "The connection tracking table is full",
        ]);
        expect(await main.getByRole("heading", { level: 2 }).allInnerTexts()).toEqual([
          "Why",
          "The metric around the alarm",
          "The 2 changes in question",
          "Not part of the question",
          "Your decision",
          "What happened so far",
        ]);
        const evidence = main.getByRole("table", { name: "Evidence: The connection tracking table is full" });
        expect(await evidence.getByRole("columnheader").allTextContents()).toEqual([
          "Signal",
          "Seen",
          "Expected",
        ]);
        expect(await evidence.getByRole("rowheader").count()).toBeGreaterThan(1);
        const picture = main.getByRole("img", { name: /NatMedic\/ConntrackUtilization in the three hours/ });
        expect(await picture.getByText(/^From .* lowest .* highest 100.%/).count()).toBe(1);
        expect(await main.getByRole("article").count()).toBe(2);
        expect(await main.getByText("before: 8192").count()).toBe(2);
        for (const [role, name] of [
          ["textbox", "Your name (optional)"],
          ["textbox", "Note for the others (optional)"],
          ["button", "Approve both"],
          ["button", "Reject"],
        ] as const) {
          expect(await main.getByRole(role, { name, exact: true }).count(), name).toBe(1);
        }
      },
    );

    test("of a hostile incident is inert", async () => {
      const evil = `</title></style></textarea><script>alert(1)</script><img src=x onerror=alert(2)><a href="javascript:alert(3)">x</a>'"><link rel=stylesheet href=//evil.example><base href=//evil.example><svg onload=alert(4)>`;
      const { link } = await ask(stack, ({ incident, findings, triggers }) => {
        const alarm = { ...incident.trigger, alarmName: evil };
        triggers[0]!.trigger = alarm;
        incident.modeReason = evil;
        findings!.evidence.cloud.metric!.name = evil;
        for (const cause of findings!.diagnosis.causes) {
          cause.title = evil;
          cause.evidence = [{ signal: evil, observed: evil, expected: evil }];
        }
        for (const step of findings!.plan.steps) {
          step.action = evil;
          step.commands = [evil];
          step.settings = [{ setting: evil, before: evil, after: evil }];
        }
      });
      const page = await visit(link);
      const text = await page.locator("body").innerText();
      expect(text.split("<script>alert(1)</script>").length).toBeGreaterThan(10);
      expect(
        await page.locator("script, img, link, base, iframe, a[href^=javascript], svg[onload]").count(),
      ).toBe(0);
      expect(await page.locator("style, title").count()).toBe(3);
      expect(await page.evaluate("document.documentElement.scrollWidth")).toBe(sizes.desktop.width);
    });

    test("has its style although the policy forbids all others", async () => {
      const page = await visit((await ask(stack)).link);
      const ground = "getComputedStyle(document.querySelector('button.approve')).backgroundColor";
      expect(await page.evaluate(ground)).toBe("rgb(11, 107, 91)");
    });

    test("that is not there says so in the same style", async () => {
      const page = await visit(`${stack.pageUrl}/incidents/inc-not-there-1?key=x`);
      // The browser notes each 404 by itself.
      expect(complaints.splice(0).join()).toMatch(/^Failed to load resource: .*404[^,]*$/);
      expect(await page.getByRole("heading", { level: 1 }).innerText()).toBe("There is nothing here");
      expect(await page.evaluate("getComputedStyle(document.body).margin")).toBe("0px");
    });
  });

  // NAT_MEDIC_PICTURES=1 npx vitest run test/page -t pictures
  test.runIf(process.env.NAT_MEDIC_PICTURES)("takes the pictures of README", async () => {
    const { link } = await ask(stack);
    const desktop = await visit(link, { colorScheme: "light", viewport: { width: 1280, height: 1500 } });
    await desktop.screenshot({ path: "docs/images/approval-page.png" });
    const phone = await visit(link, { colorScheme: "dark", viewport: sizes.phone });
    await phone.screenshot({ path: "docs/images/approval-page-phone-dark.png" });
  });
});
