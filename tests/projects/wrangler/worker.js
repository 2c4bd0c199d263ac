import { story } from "../story.js";

export default {
  async fetch() {
    return new Response(await story());
  },
};
