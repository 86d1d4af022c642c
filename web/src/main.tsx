/** Where the console begins. */
import { render } from 'preact';
import { App } from './app.tsx';
import './style/base.css';
import './style/parts.css';
import './style/views.css';
import './style/api.css';

const place = document.getElementById('app');
if (place !== null) render(<App />, place);
