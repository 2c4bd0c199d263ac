// Every environment, with packages loaded by default and inlined.
const environments = ["node", "jsdom", "happy-dom"];
const project = (environment, inlined) => ({
  test: {
    name: `${environment}${inlined ? ", inlined" : ""}`,
    environment,
    server: inlined ? { deps: { inline: [/@gwop/] } } : {},
  },
});
export default {
  test: {
    projects: environments.flatMap((environment) => [
      project(environment, false),
      project(environment, true),
    ]),
  },
};
