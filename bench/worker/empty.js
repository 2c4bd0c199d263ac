// The floor: a Worker that reads the body, answers 204 and does nothing.
export default {
  async fetch(request) {
    await request.arrayBuffer();
    return new Response(null, { status: 204 });
  },
};
