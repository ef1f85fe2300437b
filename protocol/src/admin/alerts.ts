import { declare } from './route.ts';

export const alertRoutes = declare({});
