// SPDX-License-Identifier: GPL-2.0
/* resmgr-trace: see who held what until when. The commands and their options. */
#include <errno.h>
#include <getopt.h>
#include <unistd.h>

#include "trace.h"

static const char usage[] =
"Usage: resmgr-trace COMMAND [OPTION...] [FILE]\n"
"\n"
"Shows what managed resources of the kernel (devm, cdevm, ...) were added and\n"
"released, and whether in a right order. FILE is text of tracefs or a trace-cmd\n"
"file; - is standard input; without one it is the trace that tracefs has now.\n"
"\n"
"Commands:\n"
"  record  trace a command, or an unbind       -o FILE, --unbind DEVICE\n"
"  live    follow what happens, or with - what comes through a pipe\n"
"  show    a tree: each owner, what it held, from when to when\n"
"  order   each unbind, from revoke to the last free, step by step; of two files\n"
"          (stock and ours, before and after) side by side\n"
"  check   look for faults; the exit status tells\n"
"  stat    who has most: by owner, driver, caller, bytes, time of release\n"
"  diff    what two traces, FILE and another, do differently\n"
"  export  --svg a picture, --json for Perfetto or chrome://tracing\n"
"\n"
"Options of record:\n"
"  -o, --output FILE      default resmgr.trace; - is standard output\n"
"  -u, --unbind DEVICE    unbind DEVICE or BUS/DEVICE instead of a command\n"
"  -s, --settle SECONDS   go on for that long after the command or the unbind\n"
"  -b, --buffer KB        buffer of each processor, default 4096\n"
"Options of live: -b, and of the others -O, --color\n"
"Options of the others:\n"
"  -O, --owner GLOB       only owners with such names\n"
"      --driver GLOB      only of such drivers\n"
"      --class GLOB       only such resources: devm, cdevm, drmm, ...\n"
"      --pid PID          only what this task has begun or ended\n"
"      --from S, --to S   only what was there between these times\n"
"  -i, --instance NAME    the trace instance to read, without FILE\n"
"      --color WHEN       always, never, or auto: on a terminal\n"
"  -r, --reverse          order: the last step first\n"
"      --rules LIST       check: only these of order, leak, irq, late-call,\n"
"                         unpublish, devm-mem, slow, lost\n"
"      --slow MS          check: a release may take that long, default 100\n"
"      --strict           check: warnings count as errors\n"
"      --suppress FILE    check: what is known; lines RULE [OWNER-GLOB [TEXT-GLOB]]\n"
"      --json, --ktap, --junit  check: for programs\n"
"      --top N            stat: so many of each, default 10\n"
"      --svg, --json      export: which, if the name after -o does not say it\n"
"      --to-scale         export --svg: to the right is time, not order\n"
"  -o, --output FILE      export: where to, default standard output\n"
"  -h, --help             this\n"
"  -V, --version\n"
"\n"
"Exit status: 0 fine, 1 check found errors, or diff a difference, 2 it could not\n"
"be done. Of record: that of the command, and 3 if it is 0, but events were lost\n"
"or there were none.\n"
"\n"
"Examples:\n"
"  resmgr-trace record --unbind platform/cdevm-sample -s 6\n"
"  resmgr-trace order resmgr.trace\n"
"  resmgr-trace record -o - -- rmmod foo | resmgr-trace check -\n"
"  resmgr-trace check --rules irq,order --strict trace.dat || echo 'look at that'\n"
"  resmgr-trace export -o unbind.svg resmgr.trace\n"
"  resmgr-trace order stock.trace ours.trace\n"
"  resmgr-trace diff before.trace after.trace\n";

void print_help(void)
{
	fputs(usage, stdout);
}

enum {
	OPT_COLOR = 256, OPT_RULES, OPT_SLOW, OPT_STRICT, OPT_SVG, OPT_JSON,
	OPT_KTAP, OPT_JUNIT, OPT_SUPPRESS, OPT_DRIVER, OPT_CLASS, OPT_PID, OPT_FROM,
	OPT_TO, OPT_TOP, OPT_TO_SCALE
};

static const struct option longopts[] = {
	{ "owner",	required_argument,	NULL, 'O' },
	{ "instance",	required_argument,	NULL, 'i' },
	{ "color",	required_argument,	NULL, OPT_COLOR },
	{ "reverse",	no_argument,		NULL, 'r' },
	{ "rules",	required_argument,	NULL, OPT_RULES },
	{ "slow",	required_argument,	NULL, OPT_SLOW },
	{ "strict",	no_argument,		NULL, OPT_STRICT },
	{ "svg",	no_argument,		NULL, OPT_SVG },
	{ "json",	no_argument,		NULL, OPT_JSON },
	{ "ktap",	no_argument,		NULL, OPT_KTAP },
	{ "junit",	no_argument,		NULL, OPT_JUNIT },
	{ "suppress",	required_argument,	NULL, OPT_SUPPRESS },
	{ "driver",	required_argument,	NULL, OPT_DRIVER },
	{ "class",	required_argument,	NULL, OPT_CLASS },
	{ "pid",	required_argument,	NULL, OPT_PID },
	{ "from",	required_argument,	NULL, OPT_FROM },
	{ "to",		required_argument,	NULL, OPT_TO },
	{ "top",	required_argument,	NULL, OPT_TOP },
	{ "to-scale",	no_argument,		NULL, OPT_TO_SCALE },
	{ "output",	required_argument,	NULL, 'o' },
	{ "help",	no_argument,		NULL, 'h' },
	{ }
};

static void read_trace(struct trace *t, const char *file, const char *instance)
{
	FILE *in;

	if (!file) {
		live_read(t, instance);
		return;
	}
	if (instance)
		die("say --instance or a file, not both");
	if (!strcmp(file, "-")) {
		if (dat_is(stdin))
			die("a trace-cmd file has to be a file; it is not read from standard input");
		text_read(t, stdin, "standard input");
		return;
	}
	in = fopen(file, "r");
	if (!in)
		die("cannot open %s: %s", file, strerror(errno));
	if (dat_is(in)) {
		fclose(in);
		dat_read(t, file);
		return;
	}
	text_read(t, in, file);
	fclose(in);
}

static bool has_suffix(const char *s, const char *suffix)
{
	size_t len = strlen(s), n = strlen(suffix);

	return len > n && !strcmp(s + len - n, suffix);
}

static void export(const struct trace *t, const struct options *o, int format,
		   const char *output)
{
	FILE *out = stdout;

	if (!format && output && has_suffix(output, ".svg"))
		format = OPT_SVG;
	if (!format && output && has_suffix(output, ".json"))
		format = OPT_JSON;
	if (!format)
		die("export: say --svg or --json");
	if (output && strcmp(output, "-")) {
		out = fopen(output, "w");
		if (!out)
			die("cannot write %s: %s", output, strerror(errno));
	}
	if (format == OPT_SVG)
		export_svg(t, o, out);
	else
		export_json(t, o, out);
	if (fflush(out) || ferror(out) || (out != stdout && fclose(out)))
		die("cannot write %s: %s", output ?: "standard output",
		    strerror(errno));
}

/* Some are for one command only; --json is for two. */
static void check_options(const char *command, struct options *o, int format,
			  const char *output)
{
	bool is_check = !strcmp(command, "check"), is_export = !strcmp(command, "export");

	if ((output || format == OPT_SVG) && !is_export)
		die("-o and --svg are for export");
	if (format == OPT_JSON && !is_export && !is_check)
		die("--json is for export and check");
	if ((format == OPT_KTAP || format == OPT_JUNIT) && !is_check)
		die("--ktap and --junit are for check");
	if ((o->rules || o->suppress || o->strict) && !is_check)
		die("--rules, --suppress and --strict are for check");
	if (o->reverse && strcmp(command, "order"))
		die("--reverse is for order");
	if (o->to_scale && !is_export)
		die("--to-scale is for export");
	if (o->top && strcmp(command, "stat"))
		die("--top is for stat");
	if (!o->top)
		o->top = 10;
	if (o->to && o->from > o->to)
		die("--from is after --to");
	if (is_check)
		o->format = format == OPT_JSON ? AS_JSON :
			    format == OPT_KTAP ? AS_KTAP :
			    format == OPT_JUNIT ? AS_JUNIT : AS_TEXT;
}

/* What is not as it was to be, and no reason to stop. */
static void say_what_is_odd(const struct trace *t)
{
	if (t->foreign)
		warn("%s: %s not of a trace passed over, the first is line %u", t->file,
		     t->foreign == 1 ? "a line that is" :
		     show_count(t->foreign, "line"), t->foreign_line);
	if (t->untimed)
		warn("%s: %s no time; that of what was before is taken", t->file,
		     t->untimed == 1 ? "one event has" : "some events have");
	if (t->moved)
		warn("%s: the clocks of processors disagree; %s put in order by number, and times are about right",
		     t->file, t->moved == 1 ? "an event was" : "events were");
}

static unsigned long number(const char *option, const char *s, unsigned long most)
{
	unsigned long n;
	char *end;

	errno = 0;
	n = strtoul(s, &end, 10);
	if (errno || end == s || *end || *s == '-' || !n || n > most)
		die("%s %s: say a number", option, s);
	return n;
}

/* Seconds as traces have them, with up to nine digits after the point. */
static uint64_t nanoseconds(const char *option, const char *s)
{
	uint64_t unit = 1000000000, ns;
	char *end;

	errno = 0;
	ns = strtoul(s, &end, 10);
	if (errno || end == s || *s == '-' || ns > UINT64_MAX / unit - 1)
		die("%s %s: say a time in seconds, as traces have it", option, s);
	ns *= unit;
	if (*end == '.')
		for (end++; *end >= '0' && *end <= '9' && unit > 1; end++) {
			unit /= 10;
			ns += (*end - '0') * unit;
		}
	if (*end)
		die("%s %s: say a time in seconds, as traces have it", option, s);
	return ns;
}

static uint64_t milliseconds(const char *s)
{
	unsigned long n;
	char *end;

	errno = 0;
	n = strtoul(s, &end, 10);
	if (errno || end == s || *end || *s == '-' || n > 86400000)
		die("--slow %s: say a number of milliseconds", s);
	return n;
}

static void read_model(struct trace *t, const char *file, const char *instance)
{
	read_trace(t, file, instance);
	model_build(t);
	say_what_is_odd(t);
}

static bool is_command(const char *s)
{
	static const char * const commands[] = {
		"show", "order", "check", "stat", "diff", "export",
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(commands); i++)
		if (!strcmp(s, commands[i]))
			return true;
	return false;
}

int main(int argc, char **argv)
{
	struct options o = { .slow_ms = 100 };
	const char *instance = NULL, *output = NULL, *colour = "auto", *command;
	int c, format = 0, status = EXIT_CLEAN;
	struct trace t = { 0 }, other = { 0 };
	bool two;

	if (argc < 2 || !strcmp(argv[1], "-h") || !strcmp(argv[1], "--help") ||
	    !strcmp(argv[1], "help")) {
		fputs(usage, argc < 2 ? stderr : stdout);
		return argc < 2 ? EXIT_BAD : EXIT_CLEAN;
	}
	if (!strcmp(argv[1], "-V") || !strcmp(argv[1], "--version")) {
		puts("resmgr-trace " VERSION);
		return EXIT_CLEAN;
	}
	command = argv[1];
	argv++;
	argc--;
	argv[0] = (char *)prog;
	if (!strcmp(command, "record"))
		return record_main(argc, argv);
	if (!strcmp(command, "live"))
		return live_main(argc, argv);
	if (!is_command(command))
		die("there is no command %s; see '%s --help'", command, prog);

	while ((c = getopt_long(argc, argv, "O:i:ro:h", longopts, NULL)) != -1) {
		switch (c) {
		case 'O':
			o.owner = optarg;
			break;
		case 'i':
			instance = optarg;
			break;
		case 'r':
			o.reverse = true;
			break;
		case 'o':
			output = optarg;
			break;
		case OPT_COLOR:
			colour = optarg;
			break;
		case OPT_RULES:
			if (!check_rules_valid(optarg))
				die("--rules %s: not a list of rules; see '%s --help'",
				    optarg, prog);
			o.rules = optarg;
			break;
		case OPT_SLOW:
			o.slow_ms = milliseconds(optarg);
			break;
		case OPT_STRICT:
			o.strict = true;
			break;
		case OPT_SVG:
		case OPT_JSON:
		case OPT_KTAP:
		case OPT_JUNIT:
			format = c;
			break;
		case OPT_DRIVER:
			o.driver = optarg;
			break;
		case OPT_CLASS:
			o.class = optarg;
			break;
		case OPT_PID:
			o.pid = number("--pid", optarg, INT32_MAX);
			break;
		case OPT_FROM:
			o.from = nanoseconds("--from", optarg);
			break;
		case OPT_TO:
			o.to = nanoseconds("--to", optarg);
			break;
		case OPT_TOP:
			o.top = number("--top", optarg, 1000000);
			break;
		case OPT_TO_SCALE:
			o.to_scale = true;
			break;
		case OPT_SUPPRESS:
			o.suppress = optarg;
			break;
		case 'h':
			print_help();
			return EXIT_CLEAN;
		default:
			return EXIT_BAD;
		}
	}
	two = !strcmp(command, "diff") ||
	      (!strcmp(command, "order") && optind + 2 == argc);
	if (two && optind + 2 != argc)
		die("%s: say two files", command);
	if (optind + 1 + two < argc)
		die("one file at a time; what is %s?", argv[optind + 1]);
	check_options(command, &o, format, output);
	colour_setup(colour);

	read_model(&t, argv[optind], instance);
	if (two)
		read_model(&other, argv[optind + 1], NULL);
	if (!strcmp(command, "show"))
		show(&t, &o);
	else if (!strcmp(command, "order") && two)
		order_two(&t, &other, &o);
	else if (!strcmp(command, "order"))
		order(&t, &o);
	else if (!strcmp(command, "check"))
		status = check(&t, &o);
	else if (!strcmp(command, "stat"))
		stats(&t, &o);
	else if (two)
		status = diff(&t, &other, &o);
	else
		export(&t, &o, format, output);
	if (fflush(stdout) || ferror(stdout))
		die("cannot write to standard output: %s", strerror(errno));
	return status;
}
