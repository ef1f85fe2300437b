/** What the platform knows of models before anything runs, and how it counts tokens. Browser-safe. */
export * from './tokenizer.ts';
