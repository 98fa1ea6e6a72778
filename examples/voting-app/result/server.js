// SPDX-License-Identifier: Apache-2.0
// The page with the count. It listens to the database's notifications and hands each new count to
// the open pages as a server-sent event.
//   /            the page
//   /api/votes   {"a": 1, "b": 2, "total": 3}
//   /events      the same, now and at each change (text/event-stream)
'use strict';

const fs = require('fs');
const http = require('http');
const path = require('path');
const { Client } = require('pg');

const options = { a: process.env.OPTION_A || 'Cats', b: process.env.OPTION_B || 'Dogs' };
const template = fs.readFileSync(path.join(__dirname, 'public', 'index.html'), 'utf8');
const pages = new Set(); // responses of open /events requests
let votes = { a: 0, b: 0, total: 0 };

function escapeHtml(text) {
	return text.replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`);
}

function render() {
	return template.replace(/\{\{(option|votes)_(a|b)\}\}/g, (_, what, which) =>
		what === 'option' ? escapeHtml(options[which]) : String(votes[which]));
}

function publish() {
	const event = `data: ${JSON.stringify(votes)}\n\n`;
	for (const page of pages)
		page.write(event);
}

async function count(db) {
	const { rows } = await db.query('SELECT vote, count(*)::int AS n FROM votes GROUP BY vote');
	const next = { a: 0, b: 0, total: 0 };
	for (const row of rows) {
		next[row.vote] = row.n;
		next.total += row.n;
	}
	votes = next;
	publish();
}

// Stay connected: count at the start and after each notification. While one count runs, further
// notifications ask for one more count, not for one each.
async function follow() {
	const db = new Client({ keepAlive: true });
	let running = false;
	let again = false;
	const refresh = async () => {
		again = true;
		if (running)
			return;
		running = true;
		while (again) {
			again = false;
			await count(db);
		}
		running = false;
	};
	try {
		await db.connect();
		const ended = new Promise((_, reject) => {
			db.on('error', reject);
			db.on('end', () => reject(new Error('connection ended')));
			db.on('notification', () => refresh().catch(reject));
		});
		await db.query('LISTEN votes');
		console.log('connected to the database');
		await refresh();
		await ended;
	} catch (error) {
		console.error(`database: ${error.message}; trying again in a second`);
	}
	await db.end().catch(() => {});
	setTimeout(follow, 1000);
}

function events(request, response) {
	response.writeHead(200, { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-store' });
	response.write(`retry: 1000\ndata: ${JSON.stringify(votes)}\n\n`);
	pages.add(response);
	request.on('close', () => pages.delete(response));
}

function send(response, status, type, body) {
	response.writeHead(status, { 'Content-Type': `${type}; charset=utf-8`, 'Cache-Control': 'no-store' });
	response.end(body);
}

const server = http.createServer((request, response) => {
	const { pathname } = new URL(request.url, 'http://result');
	if (pathname === '/')
		send(response, 200, 'text/html', render());
	else if (pathname === '/api/votes')
		send(response, 200, 'application/json', `${JSON.stringify(votes)}\n`);
	else if (pathname === '/events')
		events(request, response);
	else
		send(response, 404, 'text/plain', 'not found\n');
});

server.listen(Number(process.env.PORT || 80), () => console.log('result page is up'));
follow();
