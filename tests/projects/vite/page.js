import { story } from "../story.js";

globalThis.result = await story();
