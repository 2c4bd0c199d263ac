// The floor: a Worker that reads the body, responds with 204 and does nothing else.
export default {
  async fetch(request) {
    await request.arrayBuffer();
    return new Response(null, { status: 204 });
  },
};
