import { render } from 'preact';

const page = document.getElementById('page');
if (page) render(<h1>Enxame</h1>, page);
