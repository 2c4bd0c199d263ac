/** The page, which `assemble.mjs` creates from `pkg-templates/simulator/page/`. */
declare const page: {
  /** One HTML file with its styles and its program. */
  html: string;
  /** The hash of its `<style>`, for `style-src`. */
  style: string;
  /** The hash of its `<script>`, for `script-src`. */
  script: string;
};
export default page;
