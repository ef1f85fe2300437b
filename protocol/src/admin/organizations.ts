import { declare } from './route.ts';

export const organizationRoutes = declare({});
