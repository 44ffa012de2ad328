// SPDX-License-Identifier: GPL-2.0
/*
 * resmgr-trace: export as a picture
 *
 * A line for each resource, from its add to its release. An unbind takes
 * microseconds and the time before it minutes, so what goes to the right is the
 * order of events and not time, which is written along it.
 */
#include <inttypes.h>

#include "trace.h"

#define LABEL	330	/* width of the names */
#define PLOT	1100	/* and of the lines, at most */
#define ROW	16
#define TOP	96
#define LINES	4000	/* a browser shows that much */

static struct {
	FILE	*out;
	double	step;
	double	right;
	size_t	*rank;
	int	y;
} state;

static void text(const char *s)
{
	for (; s && *s; s++) {
		unsigned char c = *s;

		if (c == '<')
			fputs("&lt;", state.out);
		else if (c == '>')
			fputs("&gt;", state.out);
		else if (c == '&')
			fputs("&amp;", state.out);
		else if (c == '"')
			fputs("&quot;", state.out);
		else if (c < ' ' || c >= 0x7f)
			putc('?', state.out);
		else
			putc(c, state.out);
	}
}

/* Where is event @i, from left to right? */
static double x_of(size_t i)
{
	return LABEL + 10 + state.rank[i] * state.step;
}

static const char *style(const struct manager *m)
{
	if (!strcmp(m->class, "devm"))
		return "devm";
	if (m->scope)
		return "cdevm";
	return "other";
}

static void label(const char *class, const char *s, uint64_t size)
{
	char cut[48];

	snprintf(cut, sizeof(cut), "%s", s);
	fprintf(state.out, "<text class=\"%s\" x=\"%d\" y=\"%d\">", class,
		!strcmp(class, "head") ? 8 : 20, state.y + 12);
	text(cut);
	if (size)
		fprintf(state.out, " <tspan class=\"dim\">%s</tspan>",
			show_size(size));
	fprintf(state.out, "</text>\n");
}

static const char *time_or(const struct trace *t, size_t i, const char *none)
{
	return i == NEVER ? none : show_time(t->events[i].time);
}

/* From @first to @last; what has no end in the trace goes on to its edge. */
static void bar(const struct trace *t, const char *class, size_t first,
		size_t last)
{
	double from = first == NEVER ? LABEL + 6 : x_of(first);
	double to = last == NEVER ? state.right : x_of(last);

	fprintf(state.out,
		"<rect class=\"%s%s\" x=\"%.1f\" y=\"%d\" width=\"%.1f\" height=\"10\" rx=\"2\"><title>",
		class, last == NEVER ? " open" : "", from, state.y + 3,
		to - from > 2 ? to - from : 2);
	fprintf(state.out, "%s .. %s", time_or(t, first, "before"),
		time_or(t, last, "not yet"));
	if (first != NEVER && last != NEVER)
		fprintf(state.out, ", %s",
			show_span(t->events[last].time - t->events[first].time));
	fprintf(state.out, "</title></rect>\n");
}

static void draw_resource(const struct trace *t, const struct resource *r)
{
	size_t end = r->removed != NEVER ? r->removed : r->released;

	label("name", r->name, r->size);
	bar(t, style(r->manager), r->added, end);
	if (r->released != NEVER && (r->ended != NEVER || t->ends))
		bar(t, "release", r->released, r->ended);
	state.y += ROW;
}

static void draw_chardev(const struct trace *t, const struct manager *m,
			 const struct chardev *c)
{
	const struct file *f;

	label("name", c->name, 0);
	bar(t, "node", c->published, c->unpublished);
	state.y += ROW;
	for (f = m->files; f < m->files + m->n_files; f++) {
		char who[64];

		if (f->node != c->name)
			continue;
		snprintf(who, sizeof(who), "  open by %s-%d",
			 t->events[f->opened].comm, t->events[f->opened].pid);
		label("name", who, 0);
		bar(t, "file", f->opened, f->closed);
		state.y += ROW;
	}
}

static int lines_of(const struct manager *m)
{
	int n = 1 + m->n_chardevs + m->n_files;
	size_t i;

	for (i = 0; i < m->n; i++)
		n += !is_marker(m->resources[i]);
	return n;
}

static const char *step_name(enum type type)
{
	switch (type) {
	case EV_REVOKE:		return "revoke";
	case EV_KICK:		return "kick";
	case EV_DRAIN:		return "drain";
	case EV_DRAINED:	return "drained";
	case EV_FREE:		return "free";
	default:		return NULL;
	}
}

/* A line down for each step of an unbind, and the time here and there. */
static void draw_steps(const struct trace *t, const struct options *o, int bottom)
{
	double last_step = -100, last_time = -1000;
	size_t i;

	for (i = 0; i < t->n; i++) {
		const struct event *e = &t->events[i];
		double x = x_of(i);

		if (!wanted(o, e->owner))
			continue;
		if (x - last_time > 90) {
			fprintf(state.out,
				"<text class=\"dim\" x=\"%.1f\" y=\"%d\">%s</text>\n"
				"<path class=\"tick\" d=\"M%.1f %dV%d\"/>\n",
				x + 2, TOP - 4, show_time(e->time), x, TOP - 14, TOP);
			last_time = x;
		}
		if (!step_name(e->type))
			continue;
		fprintf(state.out, "<path class=\"step\" d=\"M%.1f %dV%d\"/>\n", x,
			TOP, bottom);
		if (x - last_step < 9)
			continue;
		fprintf(state.out,
			"<text class=\"step\" transform=\"translate(%.1f %d) rotate(-50)\">%s</text>\n",
			x + 4, TOP - 18, step_name(e->type));
		last_step = x;
	}
}

static void head(const struct trace *t, int height)
{
	fprintf(state.out,
		"<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%.0f\" height=\"%d\" viewBox=\"0 0 %.0f %d\">\n",
		state.right + 20, height, state.right + 20, height);
	fputs("<style>\n"
	      "svg { background: #fff; font: 11px sans-serif; fill: #222 }\n"
	      ".title { font-size: 14px; font-weight: bold }\n"
	      ".head { font-weight: bold }\n"
	      ".dim { fill: #777 }\n"
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
	      ".band { fill: #f3f3f3 }\n"
	      "</style>\n", state.out);
	fprintf(state.out, "<text class=\"title\" x=\"8\" y=\"20\">");
	text(t->file);
	fprintf(state.out, "</text>\n"
		"<text class=\"dim\" x=\"8\" y=\"36\">to the right: order of events, not to scale</text>\n");
}

static void legend(void)
{
	static const char * const items[][2] = {
		{ "devm", "devm" }, { "cdevm", "cdevm" }, { "other", "other" },
		{ "node", "published" }, { "file", "open file" },
		{ "release", "release" }, { "other open", "no end in the trace" },
	};
	unsigned int i;
	int x = 8;

	for (i = 0; i < ARRAY_SIZE(items); i++) {
		fprintf(state.out,
			"<rect class=\"%s\" x=\"%d\" y=\"%d\" width=\"14\" height=\"9\"/><text x=\"%d\" y=\"%d\">%s</text>\n",
			items[i][0], x, state.y + 10, x + 18, state.y + 19,
			items[i][1]);
		x += 30 + 7 * strlen(items[i][1]);
	}
}

void export_svg(const struct trace *t, const struct options *o, FILE *out)
{
	size_t i, j, shown = 0;
	int lines = 0, height;

	state.out = out;
	state.rank = xzalloc((t->n + 1) * sizeof(*state.rank));
	for (i = 0; i < t->n; i++) {
		state.rank[i] = shown;
		if (wanted(o, t->events[i].owner) && t->events[i].type != EV_GET &&
		    t->events[i].type != EV_PUT)
			shown++;
	}
	if (!shown)
		die("%s: no owner in it is called %s", t->file, o->owner ?: "");
	for (i = 0; i < t->n_managers; i++)
		if (wanted(o, t->managers[i]->owner))
			lines += lines_of(t->managers[i]);
	if (lines > LINES)
		die("%s: %d lines are too many for a picture; choose some with --owner",
		    t->file, lines);
	state.step = (double)PLOT / shown;
	if (state.step > 16)
		state.step = 16;
	state.right = LABEL + 10 + shown * state.step + 10;
	height = TOP + lines * ROW + 40;

	head(t, height);
	state.y = TOP;
	for (i = 0; i < t->n_managers; i++) {
		const struct manager *m = t->managers[i];
		char name[128];

		if (!wanted(o, m->owner))
			continue;
		fprintf(out, "<rect class=\"band\" x=\"0\" y=\"%d\" width=\"%.1f\" height=\"%d\"/>\n",
			state.y, state.right + 20, ROW);
		snprintf(name, sizeof(name), "%s %s", m->class, m->owner);
		label("head", name, 0);
		state.y += ROW;
		for (j = 0; j < m->n_chardevs; j++)
			draw_chardev(t, m, &m->chardevs[j]);
		/* Of nodes that were published before the trace. */
		for (j = 0; j < m->n_files; j++) {
			size_t k;

			for (k = 0; k < m->n_chardevs; k++)
				if (m->chardevs[k].name == m->files[j].node)
					break;
			if (k < m->n_chardevs)
				continue;
			label("name", m->files[j].node, 0);
			bar(t, "file", m->files[j].opened, m->files[j].closed);
			state.y += ROW;
		}
		for (j = 0; j < m->n; j++)
			if (!is_marker(m->resources[j]))
				draw_resource(t, m->resources[j]);
	}
	draw_steps(t, o, state.y);
	legend();
	fprintf(out, "</svg>\n");
	free(state.rank);
}
