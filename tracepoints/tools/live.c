// SPDX-License-Identifier: GPL-2.0
/* resmgr-trace: tracefs, to record and to read what is there */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <glob.h>
#include <inttypes.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <tracefs.h>
#include <unistd.h>

#include "trace.h"

static void need_tracefs(void)
{
	if (geteuid())
		die("tracefs is for root");
	if (!tracefs_tracing_dir())
		die("there is no tracefs; try: mount -t tracefs tracefs /sys/kernel/tracing");
}

void live_read(struct trace *t, const char *instance)
{
	struct tracefs_instance *inst = NULL;
	char *text;
	FILE *in;
	int len;

	need_tracefs();
	if (instance) {
		char *path = NULL;

		if (asprintf(&path, "instances/%s", instance) < 0)
			die("out of memory");
		if (!tracefs_file_exists(NULL, path))
			die("tracefs has no instance %s", instance);
		free(path);
		inst = tracefs_instance_create(instance);
		if (!inst)
			die("cannot use instance %s: %s", instance, strerror(errno));
	}
	text = tracefs_instance_file_read(inst, "trace", &len);
	if (!text || !len)
		die("cannot read the trace of tracefs: %s", strerror(errno));
	in = fmemopen(text, len, "r");
	if (!in)
		die("out of memory");
	text_read(t, in, "the trace in tracefs");
	fclose(in);
}

/* --- record */

static struct tracefs_instance *recording;

static void record_end(void)
{
	if (!recording)
		return;
	tracefs_trace_off(recording);
	tracefs_event_disable(recording, NULL, NULL);
	tracefs_instance_destroy(recording);
	tracefs_instance_free(recording);
	recording = NULL;
}

/* In a buffer of its own, so that nobody else's trace is disturbed. */
static void record_begin(size_t kilobytes)
{
	char name[32];

	need_tracefs();
	snprintf(name, sizeof(name), "resmgr-trace-%d", getpid());
	recording = tracefs_instance_create(name);
	if (!recording)
		die("cannot make a trace instance: %s", strerror(errno));
	atexit(record_end);

	if (tracefs_instance_set_buffer_size(recording, kilobytes, -1))
		die("cannot set the buffer to %zu kB per CPU: %s", kilobytes,
		    strerror(errno));
	/*
	 * Addresses as they are: it matters what lies in what. And one clock for
	 * all processors. Older kernels have neither, and do without.
	 */
	tracefs_instance_file_write(recording, "options/hash-ptr", "0");
	tracefs_instance_file_write(recording, "trace_clock", "mono");

	if (!tracefs_event_enable(recording, "resmgr", NULL)) {
		/* cdevm as a module does not see what the devices hold. */
		if (!access("/sys/module/cdevm/initstate", F_OK))
			tracefs_event_enable(recording, "dev", "devres_log");
		return;
	}
	if (tracefs_event_enable(recording, "dev", "devres_log"))
		die("this kernel has no events resmgr:* and no dev:devres_log (since 5.14, with CONFIG_EVENT_TRACING)");
	warn("this kernel has no events of resmgr; dev:devres_log says less");
}

static void record_write(const char *file)
{
	unsigned int lines = 0;
	char *text, *p;
	int fd, len;

	tracefs_trace_off(recording);
	text = tracefs_instance_file_read(recording, "trace", &len);
	if (!text)
		die("cannot read the trace: %s", strerror(errno));
	for (p = text; *p; p++)
		lines += *p == '\n' && p[1] && p[1] != '#';

	if (!strcmp(file, "-")) {
		fwrite(text, 1, len, stdout);
		if (fflush(stdout))
			die("cannot write: %s", strerror(errno));
	} else {
		/* There are addresses of the kernel in it. */
		fd = open(file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
		if (fd < 0 || write(fd, text, len) != len || close(fd))
			die("cannot write %s: %s", file, strerror(errno));
		fprintf(stderr, "%s: %u events in %s\n", prog, lines, file);
	}
	free(text);
}

static int run(char **argv)
{
	int status;
	pid_t pid;

	fflush(NULL);
	pid = fork();
	if (pid < 0)
		die("cannot fork: %s", strerror(errno));
	if (!pid) {
		execvp(argv[0], argv);
		fprintf(stderr, "%s: error: cannot run %s: %s\n", prog, argv[0],
			strerror(errno));
		_exit(127);
	}
	/* An interrupt is for the command; what it did is still of interest. */
	signal(SIGINT, SIG_IGN);
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			die("cannot wait: %s", strerror(errno));
	signal(SIGINT, SIG_DFL);
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

/* @device is DEVICE or BUS/DEVICE. */
static int unbind(const char *device)
{
	const char *slash = strchr(device, '/'), *name = slash ? slash + 1 : device;
	char *pattern = NULL, *path = NULL;
	glob_t found;
	int fd, ret;

	if (asprintf(&pattern, "/sys/bus/%.*s/devices/%s/driver",
		     slash ? (int)(slash - device) : 1, slash ? device : "*",
		     name) < 0)
		die("out of memory");
	ret = glob(pattern, 0, NULL, &found);
	if (ret == GLOB_NOMATCH)
		die("no device %s is bound to a driver (looked for %s)", device,
		    pattern);
	if (ret)
		die("cannot look for %s", pattern);
	if (found.gl_pathc > 1)
		die("there are several devices %s; say BUS/DEVICE: %s, %s", device,
		    found.gl_pathv[0], found.gl_pathv[1]);
	if (asprintf(&path, "%s/unbind", found.gl_pathv[0]) < 0)
		die("out of memory");
	globfree(&found);
	free(pattern);

	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, name, strlen(name)) < 0)
		die("cannot unbind %s: %s: %s", device, path, strerror(errno));
	close(fd);
	free(path);
	return 0;
}

static unsigned long count(const char *what, const char *s, unsigned long most)
{
	unsigned long n;
	char *end;

	errno = 0;
	n = strtoul(s, &end, 10);
	if (errno || end == s || *end || *s == '-' || n > most)
		die("%s %s: say a number up to %lu", what, s, most);
	return n;
}

int record_main(int argc, char **argv)
{
	static const struct option longopts[] = {
		{ "output",	required_argument,	NULL, 'o' },
		{ "unbind",	required_argument,	NULL, 'u' },
		{ "settle",	required_argument,	NULL, 's' },
		{ "buffer",	required_argument,	NULL, 'b' },
		{ "help",	no_argument,		NULL, 'h' },
		{ }
	};
	const char *output = "resmgr.trace", *device = NULL;
	unsigned long settle = 0, kilobytes = 4096;
	int c, status;

	while ((c = getopt_long(argc, argv, "+o:u:s:b:h", longopts, NULL)) != -1) {
		switch (c) {
		case 'o':
			output = optarg;
			break;
		case 'u':
			device = optarg;
			break;
		case 's':
			settle = count("--settle", optarg, 86400);
			break;
		case 'b':
			kilobytes = count("--buffer", optarg, 1 << 20);
			break;
		case 'h':
			print_help();
			return EXIT_CLEAN;
		default:
			return EXIT_BAD;
		}
	}
	if (!device == !argv[optind])
		die("record: say a command or --unbind DEVICE; see '%s --help'", prog);

	record_begin(kilobytes);
	status = device ? unbind(device) : run(argv + optind);
	if (settle)
		sleep(settle);
	record_write(output);
	return status;
}
