export * from './understudy.module.js';
