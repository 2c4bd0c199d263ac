/** Runs named checks one after another, and prints each and the sum. Resolves to how many failed. */
export async function runChecks(title, checks) {
  let failed = 0;
  for (const [name, check] of Object.entries(checks)) {
    const start = performance.now();
    try {
      await check();
      console.log(`✓ ${name} (${Math.round(performance.now() - start)} ms)`);
    } catch (error) {
      failed += 1;
      console.log(`✗ ${name}\n  ${String(error.stack ?? error).replaceAll("\n", "\n  ")}`);
    }
  }
  console.log(`${title}: ${Object.keys(checks).length - failed} passed, ${failed} failed`);
  return failed;
}
