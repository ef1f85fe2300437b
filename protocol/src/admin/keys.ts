import { declare } from './route.ts';

export const keyRoutes = declare({});
