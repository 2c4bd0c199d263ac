// Tests the installed local Gwop: its guards, its state, its documentation and its page.
// `main.mjs`, from the consumer project. `cargo xtask test --only simulator` runs it. It names the
// programs in GWOP_DENO, GWOP_BUN, GWOP_CHROMIUM, GWOP_CHROMEDRIVER, GWOP_FIREFOX and
// GWOP_GECKODRIVER. GWOP_TEST_ONLY selects checks by a part of their names.
import { runChecks } from "../runners/checks.mjs";
import { checks as documented } from "./documented.mjs";
import { checks as guards } from "./guards.mjs";
import { checks as page } from "./page.mjs";
import { checks as state } from "./state.mjs";

const checks = { ...guards, ...state, ...documented, ...page };
(await runChecks("simulator", checks, process.env.GWOP_TEST_ONLY)).end();
