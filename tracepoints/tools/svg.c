// SPDX-License-Identifier: GPL-2.0
/*
 * resmgr-trace: export as a picture
 *
 * A line for each resource, from its add to its release. An unbind takes
 * microseconds and the time before it minutes, so what goes to the right is the
 * order of events, with the time written along it; or time itself, if asked for.
 *
 * How wide a text is depends on the fonts of whoever looks at it. All of it is in a
 * font of one width, so that it can be told well enough for nothing to be cut and
 * for no name to run into a bar.
 */
#include <inttypes.h>

#include "trace.h"

#define PLOT	1100	/* width of the bars, at most */
#define ROW	16
#define EM	6.8	/* of a letter, in the widest of the usual fonts */
#define NAMES	64	/* letters of a name; longer ones are cut, and in the tooltip */
#define ROWS	4000	/* a browser shows that much */

static struct {
	FILE			*out;
	const struct trace	*t;
	const struct options	*o;
	struct findings		findings;
	/* Where the names end, where the bars begin, where they end. */
	double			names, left, right;
	double			width;
	double			step;
	size_t			*rank;
	size_t			first, last;
	int			top;
	int			y;
	bool			drawing;
} state;

/* XML has no place for some characters; not for the bytes of a broken one, either. */
static void text(const char *s)
{
	for (; s && *s; ) {
		size_t len = utf8_len(s);
		unsigned char c = *s;

		if (!len || (len == 1 && c < ' ') || c == 0x7f)
			putc('?', state.out);
		else if (c == '<')
			fputs("&lt;", state.out);
		else if (c == '>')
			fputs("&gt;", state.out);
		else if (c == '&')
			fputs("&amp;", state.out);
		else if (c == '"')
			fputs("&quot;", state.out);
		else
			fwrite(s, 1, len, state.out);
		s += len ?: 1;
	}
}

static double width_of(const char *s)
{
	return columns(s) * EM;
}

/* The picture is as wide as what is drawn. */
static void reaches(double x)
{
	if (x > state.width)
		state.width = x;
}

/* --- where things are */

static double x_of_time(uint64_t time)
{
	uint64_t from = state.t->events[state.first].time;
	uint64_t span = state.t->events[state.last].time - from;

	if (time <= from || !span)
		return state.left;
	if (time - from >= span)
		return state.right;
	return state.left + (state.right - state.left) * (double)(time - from) / span;
}

static double x_of(size_t i)
{
	if (i < state.first)
		return state.left;
	if (i > state.last)
		return state.right;
	if (state.o->to_scale)
		return x_of_time(state.t->events[i].time);
	return state.left + state.rank[i] * state.step;
}

/* --- names and bars */

static const char *style(const struct manager *m)
{
	if (!strcmp(m->class, "devm"))
		return "devm";
	if (m->scope)
		return "cdevm";
	return "other";
}

/* The beginning of a name, with as many letters as there is room for. */
static const char *cut(const char *s)
{
	static char short_name[4 * NAMES + 8];
	size_t n = 0, len;
	int letters;

	if (columns(s) <= NAMES)
		return s;
	for (letters = 0; letters < NAMES - 2 && s[n]; letters++) {
		len = utf8_len(s + n) ?: 1;
		if (n + len + 3 > sizeof(short_name))
			break;
		memcpy(short_name + n, s + n, len);
		n += len;
	}
	strcpy(short_name + n, "..");
	return short_name;
}

static void name_width(double x, const char *s)
{
	double end = x + width_of(cut(s));

	if (end > state.names)
		state.names = end;
}

/* What a name and its bars say when they are pointed at. */
static void tooltip_resource(const struct resource *r)
{
	const struct trace *t = state.t;
	size_t end = end_of(r);
	uint64_t ns;

	text(r->name);
	if (r->kind) {
		fputs(", ", state.out);
		text(r->kind);
	}
	if (r->size)
		fprintf(state.out, ", %s", show_size(r->size));
	if (r->fn) {
		fputs("\nfunction: ", state.out);
		text(r->fn);
	}
	if (r->by) {
		fputs("\nadded by: ", state.out);
		text(r->by);
	}
	fprintf(state.out, "\n%s .. %s", r->added == NEVER ? "before the trace" :
		show_time(t->events[r->added].time), end == NEVER ? "no end in the trace" :
		show_time(t->events[end].time));
	if (r->added != NEVER && end != NEVER)
		fprintf(state.out, ", %s", show_span(span_of(t, r->added, end)));
	if (release_took(t, r, &ns))
		fprintf(state.out, "\nrelease took %s", show_span(ns));
	if (r->removed != NEVER)
		fputs("\ntaken off, not released", state.out);
}

static void tooltip_span(const char *what, size_t first, size_t last)
{
	const struct trace *t = state.t;

	text(what);
	fprintf(state.out, "\n%s .. %s", first == NEVER ? "before the trace" :
		show_time(t->events[first].time), last == NEVER ? "no end in the trace" :
		show_time(t->events[last].time));
	if (first != NEVER && last != NEVER)
		fprintf(state.out, ", %s", show_span(span_of(t, first, last)));
}

static void name_begin(const char *class, double x, const char *s)
{
	name_width(x, s);
	if (!state.drawing)
		return;
	fprintf(state.out, "<text class=\"%s\" x=\"%.0f\" y=\"%d\">", class, x,
		state.y + 12);
	text(cut(s));
	fputs("<title>", state.out);
}

static void name_end(void)
{
	if (state.drawing)
		fputs("</title></text>\n", state.out);
}

/* From @first to @last; what has no end in the trace goes on to its edge. */
static void bar_begin(const char *class, size_t first, size_t last)
{
	double from = first == NEVER ? state.left : x_of(first);
	double to = last == NEVER ? state.right : x_of(last);

	fprintf(state.out,
		"<rect class=\"%s%s\" x=\"%.1f\" y=\"%d\" width=\"%.1f\" height=\"10\" rx=\"2\"><title>",
		class, last == NEVER ? " open" : "", from, state.y + 3,
		to - from > 2 ? to - from : 2);
}

static void bar_end(void)
{
	fputs("</title></rect>\n", state.out);
}

static void next_row(void)
{
	state.y += ROW;
}

/* --- findings */

/* A mark where it was found, in the line that it is about. */
static void draw_findings(const struct manager *m, const struct resource *r)
{
	size_t i;

	if (!state.drawing)
		return;
	for (i = 0; i < state.findings.n; i++) {
		const struct finding *f = &state.findings.all[i];
		double x;

		if (f->manager != m || f->resource != r || f->suppressed)
			continue;
		x = f->event == NEVER ? state.left : x_of(f->event);
		fprintf(state.out,
			"<path class=\"mark %s\" d=\"M%.1f %dl6 11h-12z\"><title>%s: ",
			f->error ? "error" : "warning", x, state.y + 2,
			f->error ? "error" : "warning");
		text(f->rule);
		fputs(": ", state.out);
		text(f->text);
		fputs("</title></path>\n", state.out);
		reaches(x + 10);
	}
}

/* Below the picture, in lines that are no longer than it is wide. */
static void draw_text(const char *s, double x, const char *class)
{
	size_t room = (state.width - x - 8) / EM, n, len;
	const char *end;

	if (room < 40)
		room = 40;
	while (*s) {
		for (n = 0, end = s; *end && n < room; n++)
			end += utf8_len(end) ?: 1;
		if (*end) {
			const char *space = end;

			while (space > s && *space != ' ')
				space--;
			if (space > s)
				end = space;
		}
		len = end - s;
		if (state.drawing) {
			char *line = strndup(s, len);

			fprintf(state.out, "<text class=\"%s\" x=\"%.0f\" y=\"%d\">",
				class, x, state.y + 12);
			text(line);
			fputs("</text>\n", state.out);
			free(line);
		}
		next_row();
		s = end;
		while (*s == ' ')
			s++;
	}
}

static void list_findings(void)
{
	size_t i;

	for (i = 0; i < state.findings.n; i++) {
		const struct finding *f = &state.findings.all[i];
		char line[1024];

		if (f->suppressed)
			continue;
		snprintf(line, sizeof(line), "%s: %s: %s: %s", f->error ? "error" : "warning",
			 f->rule, f->manager ? f->manager->owner : state.t->file, f->text);
		draw_text(line, 8, f->error ? "error" : "warning");
	}
}

/* --- lines */

static void draw_resource(const struct resource *r)
{
	size_t end = r->removed != NEVER ? r->removed : r->released;
	char size[32] = "", name[NAMES * 4 + 40];

	if (r->size)
		snprintf(size, sizeof(size), "  %s", show_size(r->size));
	snprintf(name, sizeof(name), "%s%s", cut(r->name), size);
	name_width(20, name);
	if (state.drawing) {
		fprintf(state.out, "<text x=\"20\" y=\"%d\">", state.y + 12);
		text(cut(r->name));
		if (r->size)
			fprintf(state.out, "<tspan class=\"dim\" xml:space=\"preserve\">%s</tspan>",
				size);
		fputs("<title>", state.out);
		tooltip_resource(r);
		fputs("</title></text>\n", state.out);
		bar_begin(style(r->manager), r->added, end);
		tooltip_resource(r);
		bar_end();
		if (r->released != NEVER && (r->ended != NEVER || has_ends(state.t, r->manager))) {
			bar_begin("release", r->released, r->ended);
			tooltip_span("release", r->released, r->ended);
			fputs("\nfunction: ", state.out);
			text(r->fn ?: r->name);
			bar_end();
		}
	}
	draw_findings(r->manager, r);
	next_row();
}

static void draw_span(const char *name, double x, const char *class, size_t first,
		      size_t last)
{
	name_begin("", x, name);
	if (state.drawing)
		text(name);
	name_end();
	if (state.drawing) {
		bar_begin(class, first, last);
		tooltip_span(name, first, last);
		bar_end();
	}
	next_row();
}

static void draw_file(const struct file *f, const char *node)
{
	const struct event *e = &state.t->events[f->opened];
	char who[160];

	snprintf(who, sizeof(who), "%.80s%sopen by %s-%d", node, *node ? ", " : "",
		 e->comm, e->pid);
	draw_span(who, *node ? 20 : 32, "file", f->opened, f->closed);
}

static bool is_drawn_file(const struct file *f)
{
	return wanted_life(state.t, state.o, f->opened, f->closed);
}

/* Has it a line of its own, or a finding? */
static bool is_drawn(const struct manager *m)
{
	size_t i;

	if (!wanted_manager(state.o, m))
		return false;
	for (i = 0; i < m->n; i++)
		if (wanted_resource(state.t, state.o, m->resources[i]))
			return true;
	for (i = 0; i < state.findings.n; i++)
		if (state.findings.all[i].manager == m)
			return true;
	return m->n_chardevs || m->n_files;
}

static void draw_manager(const struct manager *m)
{
	const char *bus = m->device->bus;
	char head[256];
	size_t i, j;

	/* Names of devices are unique on a bus. */
	snprintf(head, sizeof(head), "%.40s %.120s%s%.40s%s", m->class, m->owner,
		 bus ? " (" : "", bus ?: "", bus ? ")" : "");
	if (state.drawing)
		fprintf(state.out,
			"<rect class=\"band\" x=\"0\" y=\"%d\" width=\"100%%\" height=\"%d\"/>\n",
			state.y, ROW);
	name_begin("head", 8, head);
	if (state.drawing) {
		text(head);
		if (m->device->driver) {
			fputs("\ndriver: ", state.out);
			text(m->device->driver);
		}
	}
	name_end();
	draw_findings(m, NULL);
	next_row();
	for (i = 0; i < m->n_chardevs; i++) {
		const struct chardev *c = &m->chardevs[i];

		if (!wanted_chardev(state.t, state.o, m, c))
			continue;
		draw_span(c->name, 20, "node", c->published, c->unpublished);
		for (j = 0; j < m->n_files; j++)
			if (m->files[j].node == c->name && is_drawn_file(&m->files[j]))
				draw_file(&m->files[j], "");
	}
	/* Of nodes that were published before the trace. */
	for (j = 0; j < m->n_files; j++) {
		for (i = 0; i < m->n_chardevs; i++)
			if (m->chardevs[i].name == m->files[j].node)
				break;
		if (i == m->n_chardevs && is_drawn_file(&m->files[j]))
			draw_file(&m->files[j], m->files[j].node);
	}
	for (i = 0; i < m->n; i++)
		if (wanted_resource(state.t, state.o, m->resources[i]))
			draw_resource(m->resources[i]);
}

/* --- steps of unbinds, and the time */

static const char *step_name(const struct event *e)
{
	switch (e->type) {
	case EV_REVOKE:		return "revoke";
	case EV_KICK:		return "kick";
	case EV_DRAIN:		return "drain";
	case EV_DRAINED:	return "drained";
	case EV_FREE:		return "free";
	default:		return NULL;
	}
}

/* With several devices, whose it is. */
static void step_label(const struct event *e, char *label, size_t size)
{
	if (e->type == EV_REVOKE || e->type == EV_FREE)
		snprintf(label, size, "%s %.40s", step_name(e), e->owner);
	else
		snprintf(label, size, "%s", step_name(e));
}

/* Labels go up to the right, at this slope. */
#define SIN	.766
#define COS	.643
#define APART	13	/* lines of text beside each other at that slope */

static void draw_label(double x, const char *label)
{
	double end = x + 4 + width_of(label) * COS + 10;
	int height = 34 + width_of(label) * SIN + 40;

	reaches(end);
	if (height > state.top)
		state.top = height;
	if (state.drawing) {
		fprintf(state.out,
			"<text class=\"step\" transform=\"translate(%.1f %d) rotate(-50)\">",
			x + 4, state.top - 18);
		text(label);
		fputs("</text>\n", state.out);
	}
}

/* Those that name an owner go first where there is no room for all. */
static void draw_labels(void)
{
	double *taken = xzalloc((state.t->n + 1) * sizeof(*taken));
	size_t i, n = 0;
	int pass;

	for (pass = 0; pass < 2; pass++) {
		double before = -APART;
		size_t next = 0;

		for (i = state.first; i <= state.last; i++) {
			const struct event *e = &state.t->events[i];
			bool owner = e->type == EV_REVOKE || e->type == EV_FREE;
			double x = x_of(i);
			char label[64];

			if (!step_name(e) || owner != !pass ||
			    !wanted_event(state.t, state.o, i))
				continue;
			for (; pass && next < n && taken[next] <= x - APART; next++)
				;
			if (x - before < APART ||
			    (pass && next < n && taken[next] < x + APART))
				continue;
			step_label(e, label, sizeof(label));
			draw_label(x, label);
			before = x;
			if (!pass)
				taken[n++] = x;
		}
	}
	free(taken);
}

static void draw_step_lines(int bottom)
{
	char label[64];
	size_t i;

	for (i = state.first; i <= state.last; i++) {
		const struct event *e = &state.t->events[i];

		if (!step_name(e) || !wanted_event(state.t, state.o, i))
			continue;
		step_label(e, label, sizeof(label));
		fprintf(state.out, "<path class=\"step\" d=\"M%.1f %dV%d\"><title>",
			x_of(i), state.top, bottom);
		fprintf(state.out, "%s ", show_time(e->time));
		text(label);
		fputs("</title></path>\n", state.out);
	}
}

static void draw_tick(double x, uint64_t time)
{
	const char *s = show_time(time);

	reaches(x + 2 + width_of(s) + 8);
	if (state.drawing)
		fprintf(state.out,
			"<text class=\"dim\" x=\"%.1f\" y=\"%d\">%s</text>\n"
			"<path class=\"tick\" d=\"M%.1f %dV%d\"/>\n",
			x + 2, state.top - 4, s, x, state.top - 14, state.top);
}

/* 1, 2 or 5 with zeros, so that there are not more than @n of them. */
static uint64_t round_step(uint64_t span, unsigned int n)
{
	static const unsigned int digits[] = { 1, 2, 5 };
	uint64_t unit = 1;
	unsigned int i;

	for (; ; unit *= 10)
		for (i = 0; i < ARRAY_SIZE(digits); i++)
			if (span / n < unit * digits[i])
				return unit * digits[i];
}

static void draw_times(void)
{
	const struct event *events = state.t->events;
	uint64_t time, step, from = events[state.first].time, to = events[state.last].time;
	double last = -1000;
	size_t i;

	if (state.o->to_scale) {
		step = round_step(to - from, 8);
		/* Nanoseconds are not shown. */
		if (step < 1000)
			step = 1000;
		for (time = (from + step - 1) / step * step; time <= to; time += step)
			draw_tick(x_of_time(time), time);
		return;
	}
	for (i = state.first; i <= state.last; i++) {
		double x = x_of(i);

		if (!wanted_event(state.t, state.o, i) || x - last < 14 * EM)
			continue;
		draw_tick(x, events[i].time);
		last = x;
	}
}

/* --- the whole */

static const char style_sheet[] =
"<style>\n"
"svg { font: 11px monospace }\n"
"text { fill: #222 }\n"
".page { fill: #fff }\n"
".title { font-size: 14px; font-weight: bold }\n"
".head { font-weight: bold }\n"
".dim { fill: #707070 }\n"
".devm { fill: #4878a8 }\n"
".cdevm { fill: #3c8d5a }\n"
".other { fill: #888 }\n"
".node { fill: #9a6fb0 }\n"
".file { fill: #d9a441 }\n"
".release { fill: #b03a2e }\n"
".open { stroke: #b03a2e; stroke-width: 1.5; stroke-dasharray: 4 2 }\n"
"path.step { stroke: #b03a2e; stroke-width: .6; stroke-dasharray: 2 3 }\n"
"text.step { fill: #b03a2e }\n"
".tick { stroke: #bbb }\n"
".band { fill: #f1f1f1 }\n"
".mark { stroke: #fff }\n"
".error { fill: #c00000 }\n"
".warning { fill: #b06000 }\n"
"@media (prefers-color-scheme: dark) {\n"
"text { fill: #ddd }\n"
".page { fill: #1c1c1e }\n"
".dim { fill: #a0a0a0 }\n"
".devm { fill: #5b94cf }\n"
".cdevm { fill: #4fb578 }\n"
".other { fill: #8c8c8c }\n"
".node { fill: #b48acb }\n"
".release { fill: #e0645a }\n"
".open { stroke: #e0645a }\n"
"path.step { stroke: #e0645a }\n"
"text.step { fill: #e0645a }\n"
".tick { stroke: #666 }\n"
".band { fill: #2a2a2d }\n"
".mark { stroke: #1c1c1e }\n"
".error { fill: #ff6b5e }\n"
".warning { fill: #f0a840 }\n"
"}\n"
"</style>\n";

static void head(int height)
{
	const char *scale = state.o->to_scale ?
		"to the right: time, to scale" :
		"to the right: order of events, not to scale";

	reaches(16 + width_of(state.t->file) * 14 / 11);
	reaches(16 + width_of(scale));
	if (!state.drawing)
		return;
	fprintf(state.out,
		"<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%.0f\" height=\"%d\" viewBox=\"0 0 %.0f %d\">\n",
		state.width, height, state.width, height);
	fputs(style_sheet, state.out);
	fputs("<rect class=\"page\" width=\"100%\" height=\"100%\"/>\n"
	      "<text class=\"title\" x=\"8\" y=\"20\">", state.out);
	text(state.t->file);
	fprintf(state.out, "</text>\n<text class=\"dim\" x=\"8\" y=\"36\">%s</text>\n", scale);
}

static void legend(void)
{
	static const char * const items[][2] = {
		{ "devm", "devm" }, { "cdevm", "cdevm" }, { "other", "other" },
		{ "node", "published" }, { "file", "open file" },
		{ "release", "release" }, { "other open", "no end in the trace" },
	};
	unsigned int i;
	double x = 8;

	for (i = 0; i < ARRAY_SIZE(items); i++) {
		if (state.drawing)
			fprintf(state.out,
				"<rect class=\"%s\" x=\"%.0f\" y=\"%d\" width=\"14\" height=\"9\"/><text x=\"%.0f\" y=\"%d\">%s</text>\n",
				items[i][0], x, state.y + 10, x + 18, state.y + 19,
				items[i][1]);
		x += 18 + width_of(items[i][1]) + 14;
		reaches(x);
	}
	state.y += 28;
}

/* Once to see how much room it needs, once in earnest. */
static int draw(int height)
{
	size_t i;
	int bottom;

	head(height);
	draw_labels();
	draw_times();
	state.y = state.top;
	for (i = 0; i < state.t->n_managers; i++)
		if (is_drawn(state.t->managers[i]))
			draw_manager(state.t->managers[i]);
	bottom = state.y;
	if (state.drawing)
		draw_step_lines(bottom);
	legend();
	list_findings();
	return state.y + 12;
}

static size_t rows(void)
{
	size_t i, n = 0;

	for (i = 0; i < state.t->n_managers; i++) {
		const struct manager *m = state.t->managers[i];

		if (wanted_manager(state.o, m))
			n += 1 + m->n_chardevs + m->n_files + m->n;
	}
	return n;
}

/* Which events are shown, and how far to the right each of them is. */
static void place(void)
{
	const struct trace *t = state.t;
	size_t i, shown = 0;

	state.first = NEVER;
	for (i = 0; i < t->n; i++) {
		state.rank[i] = shown;
		if (!wanted_event(t, state.o, i))
			continue;
		if (state.first == NEVER)
			state.first = i;
		state.last = i;
		shown += t->events[i].type != EV_GET && t->events[i].type != EV_PUT;
	}
	if (state.first == NEVER)
		die_unwanted(t, state.o, "event");
	state.step = (double)PLOT / (shown ?: 1);
	if (state.step > 16)
		state.step = 16;
	state.right = state.o->to_scale ? PLOT : shown * state.step + 10;
}

void export_svg(const struct trace *t, const struct options *o, FILE *out)
{
	int height;

	state.out = out;
	state.t = t;
	state.o = o;
	state.rank = xzalloc((t->n + 1) * sizeof(*state.rank));
	place();
	if (rows() > ROWS)
		die("%s: %zu lines are too many for a picture; choose some with --owner or --from and --to",
		    t->file, rows());
	check_run(t, o, &state.findings);

	state.width = 0;
	state.top = 60;
	draw(0);
	state.left = state.names + 14;
	state.right += state.left;
	reaches(state.right + 20);
	/* With the names known, what is to the right of them, and lines of text. */
	draw(0);
	height = draw(0);
	state.drawing = true;
	draw(height);
	fputs("</svg>\n", out);
	free(state.rank);
}
