// A Worker that verifies nothing: what workerd itself needs to start and to answer.
export default {
  async fetch(request) {
    await request.text();
    return new Response();
  },
};
