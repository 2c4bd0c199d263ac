// A Worker that verifies nothing. It shows what workerd itself needs to start and to respond.
export default {
  async fetch(request) {
    await request.text();
    return new Response();
  },
};
