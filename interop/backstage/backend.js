// A Backstage backend with the catalog alone. With EVENT_KIND=no it is one that
// never heard of kind Event.
const { createBackend } = require('@backstage/backend-defaults');

const backend = createBackend();
backend.add(require('@backstage/plugin-catalog-backend'));
if (process.env.EVENT_KIND !== 'no') {
  backend.add(require('./event'));
}
backend.start();
