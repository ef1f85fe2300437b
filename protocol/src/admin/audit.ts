import { declare } from './route.ts';

export const auditRoutes = declare({});
