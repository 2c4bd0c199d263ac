import { handle } from "../../shop.js";

export const action = ({ request }) => handle(request);
