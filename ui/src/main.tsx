import { render } from 'preact';
import { stream } from './model/app.ts';
import { Page } from './page.tsx';

const page = document.getElementById('page');
if (page) render(<Page />, page);
// A login link is no address of a view: the page exchanges it first.
if (!location.hash || location.hash.startsWith('#/')) stream.open();
