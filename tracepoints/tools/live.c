// SPDX-License-Identifier: GPL-2.0
/* resmgr-trace: tracefs, to record and to read what is there */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <glob.h>
#include <inttypes.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <tracefs.h>
#include <unistd.h>

#include "trace.h"

/*
 * Where tracefs is mounted. The library would mount it, and leave it so; and who may
 * use it is a matter of the files' modes.
 */
static void need_tracefs(void)
{
	static const char * const places[] = {
		"/sys/kernel/tracing", "/sys/kernel/debug/tracing",
	};
	char path[PATH_MAX], line[3 * PATH_MAX], type[64];
	bool found = false;
	unsigned int i;
	FILE *mounts;

	for (i = 0; i < ARRAY_SIZE(places) && !found; i++) {
		snprintf(path, sizeof(path), "%s/trace", places[i]);
		found = !access(path, F_OK);
		if (errno == EACCES)
			die("%s: no permission; tracefs is for root, or for the group that it was mounted for",
			    places[i]);
		snprintf(path, sizeof(path), "%s", places[i]);
	}
	mounts = found ? NULL : fopen("/proc/mounts", "re");
	while (mounts && !found && fgets(line, sizeof(line), mounts))
		found = sscanf(line, "%*s %4095s %63s", path, type) == 2 &&
			!strcmp(type, "tracefs");
	if (mounts)
		fclose(mounts);
	if (!found)
		die("no tracefs is mounted; try, as root: mount -t tracefs tracefs /sys/kernel/tracing");
	if (access(path, R_OK | X_OK))
		die("%s: no permission; tracefs is for root, or for the group that it was mounted for",
		    path);
	if (tracefs_set_tracing_dir(path))
		die("out of memory");
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

/* --- signals: what there is has to be written, and the kernel to stop tracing */

static volatile sig_atomic_t stops, stop_signal;

static void on_stop(int sig)
{
	stop_signal = sig;
	stops++;
}

/* It is enough that a sleep ends. */
static void on_child(int sig)
{
	(void)sig;
}

/* Who has it ignored, as nohup does, wants it ignored. */
static void catch(int sig, void (*fn)(int sig))
{
	struct sigaction action = { .sa_handler = fn }, old;

	if (!sigaction(sig, NULL, &old) && old.sa_handler != SIG_IGN)
		sigaction(sig, &action, NULL);
}

static void catch_signals(void (*stop)(int sig), void (*child)(int sig))
{
	catch(SIGINT, stop);
	catch(SIGTERM, stop);
	catch(SIGHUP, stop);
	catch(SIGCHLD, child);
}

/* --- names of functions in modules, which may be gone when the kernel prints them */

static struct function {
	uint64_t	address;
	const char	*name;
} *functions;
static size_t n_functions, room_functions;
static char *modules;
static size_t modules_len;

static int by_address(const void *a, const void *b)
{
	const struct function *fa = a, *fb = b;

	return (fa->address > fb->address) - (fa->address < fb->address);
}

static char *read_whole(const char *path, size_t *len)
{
	FILE *in = fopen(path, "re");
	char *text = NULL;
	ssize_t n;

	*len = 0;
	if (!in)
		return NULL;
	n = getdelim(&text, len, EOF, in);
	*len = n > 0 ? n : 0;
	fclose(in);
	return text;
}

/* Those of all modules that there are now; what was there before stays known. */
static void save_functions(void)
{
	char *line = NULL, name[512], module[128], type, *text;
	size_t room = 0, len, i, n;
	uint64_t address;
	FILE *in;

	text = read_whole("/proc/modules", &len);
	if (modules && text && len == modules_len && !memcmp(text, modules, len)) {
		free(text);
		return;
	}
	free(modules);
	modules = text;
	modules_len = len;

	in = fopen("/proc/kallsyms", "re");
	if (!in)
		return;
	while (getline(&line, &room, in) > 0) {
		if (sscanf(line, "%" SCNx64 " %c %511s [%127[^]]", &address, &type, name,
			   module) != 4 || !address || !strchr("tTwW", type))
			continue;
		grow(functions, n_functions, room_functions);
		n = strlen(name);
		snprintf(name + n, sizeof(name) - n, " [%s]", module);
		functions[n_functions++] = (struct function){
			address, intern(name, strlen(name))
		};
	}
	free(line);
	fclose(in);
	if (!n_functions)
		return;
	qsort(functions, n_functions, sizeof(*functions), by_address);
	for (i = n = 1; i < n_functions; i++)
		if (functions[i].address != functions[n - 1].address ||
		    functions[i].name != functions[n - 1].name)
			functions[n++] = functions[i];
	n_functions = n;
}

/* No function is as long as that: who calls is not far behind its beginning. */
#define FUNCTION_MAX	(1 << 20)

static const struct function *function_at(uint64_t address)
{
	size_t low = 0, high = n_functions, mid;

	while (low < high) {
		mid = (low + high) / 2;
		if (functions[mid].address <= address)
			low = mid + 1;
		else
			high = mid;
	}
	if (!low || address - functions[low - 1].address > FUNCTION_MAX)
		return NULL;
	return &functions[low - 1];
}

/* --- record */

static struct tracefs_instance *recording;
static pid_t recorder;
static void (*broken_pipe)(int sig);

/*
 * struct stream - what goes from the kernel to a file
 * @line: called for each line, or %NULL if it is written to @out
 */
static struct {
	FILE	*out;
	void	(*line)(char *line);
	char	*text;
	size_t	len, room;
	size_t	events;
	int	in;
	bool	lost;
	bool	closed;
} stream;

static void record_end(void)
{
	if (!recording || recorder != getpid())
		return;
	tracefs_trace_off(recording);
	tracefs_event_disable(recording, NULL, NULL);
	if (stream.in > 0)
		close(stream.in);
	stream.in = 0;
	if (tracefs_instance_destroy(recording))
		warn("cannot remove the trace instance %s: %s",
		     tracefs_instance_get_name(recording), strerror(errno));
	tracefs_instance_free(recording);
	recording = NULL;
}

#define INSTANCE	"resmgr-trace-"

/* What one has left that was killed. */
static void remove_left_over(void)
{
	char *path = tracefs_get_tracing_file("instances"), *end;
	DIR *dir = path ? opendir(path) : NULL;
	struct dirent *entry;
	unsigned long pid;

	while (dir && (entry = readdir(dir))) {
		if (strncmp(entry->d_name, INSTANCE, strlen(INSTANCE)))
			continue;
		pid = strtoul(entry->d_name + strlen(INSTANCE), &end, 10);
		if (*end || !pid || !kill(pid, 0) || errno != ESRCH)
			continue;
		warn("the trace instance %s is of one that was killed; it is removed",
		     entry->d_name);
		recording = tracefs_instance_create(entry->d_name);
		record_end();
	}
	if (dir)
		closedir(dir);
	if (path)
		tracefs_put_tracing_file(path);
}

/* In a buffer of its own, so that nobody else's trace is disturbed. */
static void record_begin(size_t kilobytes)
{
	char name[32];

	recorder = getpid();
	atexit(record_end);
	catch_signals(on_stop, on_child);
	/* Who reads what is written may go; that is an error of a write then. */
	broken_pipe = signal(SIGPIPE, SIG_IGN);
	remove_left_over();
	snprintf(name, sizeof(name), INSTANCE "%d", getpid());
	recording = tracefs_instance_create(name);
	if (!recording)
		die("cannot make a trace instance: %s", strerror(errno));

	if (tracefs_instance_set_buffer_size(recording, kilobytes, -1))
		die("cannot set the buffer to %zu kB per CPU: %s", kilobytes,
		    strerror(errno));
	/*
	 * Addresses as they are: it matters what lies in what. And one clock for
	 * all processors. Older kernels have neither, and do without.
	 */
	tracefs_instance_file_write(recording, "options/hash-ptr", "0");
	tracefs_instance_file_write(recording, "trace_clock", "mono");
	stream.in = tracefs_instance_file_open(recording, "trace_pipe", O_RDONLY | O_NONBLOCK);
	/* As long as somebody has it open the instance cannot be removed. */
	if (stream.in < 0 || fcntl(stream.in, F_SETFD, FD_CLOEXEC))
		die("cannot read the trace: %s", strerror(errno));
	save_functions();

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

/* fn= and by= of a module that is gone are numbers. */
static void write_line(const char *line)
{
	const struct function *f;
	const char *p, *from = line;
	uint64_t address;
	char *end;
	bool is_fn;

	for (p = line; (p = strchr(p, '=')); p++) {
		is_fn = p - line > 3 && !strncmp(p - 3, " fn", 3);
		if (strncmp(p + 1, "0x", 2) ||
		    !(is_fn || (p - line > 3 && !strncmp(p - 3, " by", 3))))
			continue;
		address = strtoull(p + 1, &end, 16);
		f = address ? function_at(address) : NULL;
		if (!f || (is_fn && f->address != address))
			continue;
		fwrite(from, 1, p + 1 - from, stream.out);
		if (is_fn) {
			fputs(f->name, stream.out);
		} else {
			size_t len = strcspn(f->name, " ");

			fprintf(stream.out, "%.*s+0x%" PRIx64 "%s", (int)len, f->name,
				address - f->address, f->name + len);
		}
		from = end;
	}
	fprintf(stream.out, "%s\n", from);
}

static void stream_line(char *line)
{
	if (strstr(line, "[LOST ") && !strncmp(line, "CPU:", 4))
		stream.lost = true;
	else
		stream.events++;
	if (stream.line)
		stream.line(line);
	else
		write_line(line);
}

/* The other end of a pipe was closed. */
static bool nobody_reads(void)
{
	struct pollfd poll_out = { .fd = fileno(stream.out) };

	return poll(&poll_out, 1, 0) == 1 && poll_out.revents & POLLERR;
}

/* Whatever there is now. */
static void stream_some(void)
{
	char *newline, *line;
	ssize_t n;

	for (;;) {
		if (stream.room - stream.len < 65536) {
			stream.room = stream.len + 131072;
			stream.text = xrealloc(stream.text, stream.room);
		}
		n = read(stream.in, stream.text + stream.len, stream.room - stream.len - 1);
		if (n <= 0)
			break;
		stream.len += n;
		stream.text[stream.len] = 0;
		for (line = stream.text; (newline = strchr(line, '\n')); line = newline + 1) {
			*newline = 0;
			stream_line(line);
		}
		stream.len -= line - stream.text;
		memmove(stream.text, line, stream.len);
	}
	if (fflush(stream.out) || ferror(stream.out) || nobody_reads()) {
		stream.closed = true;
		stops = 2;
	}
	save_functions();
}

/*
 * Until @child has ended, or somebody wants an end, or for @seconds. The first signal
 * is the command's, too: what it does then is still of interest. The second is not.
 */
static int stream_until(pid_t child, unsigned long seconds)
{
	const struct timespec tick = { .tv_nsec = 50000000 };
	struct timespec now, end;
	sig_atomic_t told = 0;
	int status;

	clock_gettime(CLOCK_MONOTONIC, &end);
	end.tv_sec += seconds;
	for (;;) {
		stream_some();
		if (child > 0 && waitpid(child, &status, WNOHANG) == child)
			return WIFSIGNALED(status) ? 128 + WTERMSIG(status) :
						     WEXITSTATUS(status);
		if (child > 0 && stops && !told) {
			kill(child, stop_signal);
			told = 1;
		}
		if (stops > 1 || (child <= 0 && stops))
			return 128 + (stop_signal ?: SIGPIPE);
		clock_gettime(CLOCK_MONOTONIC, &now);
		if (child <= 0 && (now.tv_sec > end.tv_sec ||
				   (now.tv_sec == end.tv_sec && now.tv_nsec >= end.tv_nsec)))
			return 0;
		nanosleep(&tick, NULL);
	}
}

/* What the kernel had no room for, which it counts. */
static bool has_lost(void)
{
	static const char * const what[] = { "overrun:", "dropped events:" };
	char path[64], *text, *p;
	bool lost = stream.lost;
	int cpu, len;
	size_t i;

	for (cpu = 0; cpu < sysconf(_SC_NPROCESSORS_CONF) && !lost; cpu++) {
		snprintf(path, sizeof(path), "per_cpu/cpu%d/stats", cpu);
		text = tracefs_instance_file_read(recording, path, &len);
		for (i = 0; text && i < ARRAY_SIZE(what); i++) {
			p = strstr(text, what[i]);
			lost |= p && strtoul(p + strlen(what[i]), NULL, 10);
		}
		free(text);
	}
	return lost;
}

/* There are addresses of the kernel in it. */
static void open_output(const char *file)
{
	struct stat st;
	int fd;

	stream.out = stdout;
	if (!strcmp(file, "-"))
		return;
	fd = open(file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0 || fstat(fd, &st) || (S_ISREG(st.st_mode) && fchmod(fd, 0600)))
		die("cannot write %s: %s", file, strerror(errno));
	stream.out = fdopen(fd, "w");
	if (!stream.out)
		die("out of memory");
}

/* The status is that of the command, unless the trace is not what it should be. */
static int record_finish(const char *file, int status)
{
	bool lost;

	tracefs_trace_off(recording);
	stream_some();
	lost = has_lost();
	record_end();
	if (stream.closed)
		die("cannot write to %s", strcmp(file, "-") ? file :
		    "standard output: nobody reads it any more");
	if (stream.out != stdout && fclose(stream.out))
		die("cannot write %s: %s", file, strerror(errno));
	if (!stream.events)
		warn("no event was recorded");
	if (lost)
		warn("events were lost; a larger --buffer may help");
	if (strcmp(file, "-"))
		fprintf(stderr, "%s: %s in %s\n", prog, show_count(stream.events, "event"), file);
	if (!status && (lost || !stream.events))
		return EXIT_PARTLY;
	return status;
}

/* Of @device, which is DEVICE or BUS/DEVICE: the directory in sysfs. */
static char *driver_of(const char *device)
{
	const char *slash = strchr(device, '/'), *name = slash ? slash + 1 : device;
	char *pattern = NULL, *path;
	glob_t found;
	int ret;

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
	return path;
}

static int unbind(const char *device, const char *driver)
{
	const char *slash = strchr(device, '/'), *name = slash ? slash + 1 : device;
	int fd = open(driver, O_WRONLY | O_CLOEXEC);

	if (fd >= 0 && write(fd, name, strlen(name)) >= 0)
		return 0;
	fprintf(stderr, "%s: error: cannot unbind %s: %s: %s\n", prog, device, driver,
		strerror(errno));
	return EXIT_BAD;
}

/*
 * In a process of its own, as an unbind may take long. When this returns it has not
 * got anything open that is the recorder's.
 */
static pid_t start(char **argv, const char *device, const char *driver)
{
	int gone[2];
	pid_t pid;
	char c;

	fflush(NULL);
	if (pipe2(gone, O_CLOEXEC))
		die("cannot make a pipe: %s", strerror(errno));
	pid = fork();
	if (pid < 0)
		die("cannot fork: %s", strerror(errno));
	if (pid) {
		close(gone[1]);
		while (read(gone[0], &c, 1) < 0 && errno == EINTR)
			;
		close(gone[0]);
		return pid;
	}
	catch_signals(SIG_DFL, SIG_DFL);
	signal(SIGPIPE, broken_pipe);
	if (driver) {
		close(stream.in);
		close(gone[1]);
		_exit(unbind(device, driver));
	}
	execvp(argv[0], argv);
	fprintf(stderr, "%s: error: cannot run %s: %s\n", prog, argv[0], strerror(errno));
	_exit(127);
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
	char *driver;
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

	/* What can fail comes before what is not done twice. */
	driver = device ? driver_of(device) : NULL;
	need_tracefs();
	open_output(output);
	record_begin(kilobytes);
	fputs("# tracer: nop, by resmgr-trace record\n", stream.out);
	status = stream_until(start(argv + optind, device, driver), 0);
	if (settle && !stops)
		stream_until(-1, settle);
	return record_finish(output, status);
}

/* --- live */

static struct trace live;
static const struct options *live_options;

static void live_line(char *line)
{
	struct event e;

	switch (text_event(&live, line, &e)) {
	case LINE_EVENT:
		if (wanted(live_options, e.owner))
			show_event(&e);
		break;
	case LINE_DAMAGED:
		warn("cannot be read: %s", line);
		break;
	case LINE_OTHER:
		break;
	}
	if (live.lost)
		printf("%sevents were lost%s\n", on(RED), off());
	live.lost = false;
}

/* What comes through a pipe, from another machine perhaps. */
static void live_pipe(FILE *in)
{
	char *line = NULL;
	size_t room = 0;
	ssize_t len;

	while (!stops && (len = getline(&line, &room, in)) > 0) {
		if (line[len - 1] == '\n')
			line[--len] = 0;
		if (len && line[len - 1] == '\r')
			line[--len] = 0;
		live_line(line);
		if (fflush(stdout))
			break;
	}
	free(line);
}

int live_main(int argc, char **argv)
{
	static const struct option longopts[] = {
		{ "owner",	required_argument,	NULL, 'O' },
		{ "buffer",	required_argument,	NULL, 'b' },
		{ "color",	required_argument,	NULL, 'c' },
		{ "help",	no_argument,		NULL, 'h' },
		{ }
	};
	struct options o = { 0 };
	unsigned long kilobytes = 4096;
	const char *colour = "auto";
	int c;

	while ((c = getopt_long(argc, argv, "O:b:h", longopts, NULL)) != -1) {
		switch (c) {
		case 'O':
			o.owner = optarg;
			break;
		case 'b':
			kilobytes = count("--buffer", optarg, 1 << 20);
			break;
		case 'c':
			colour = optarg;
			break;
		case 'h':
			print_help();
			return EXIT_CLEAN;
		default:
			return EXIT_BAD;
		}
	}
	if (argv[optind] && (strcmp(argv[optind], "-") || argv[optind + 1]))
		die("live: it follows the kernel, or with - what comes through a pipe");
	colour_setup(colour);
	live_options = &o;
	stream.out = stdout;
	stream.line = live_line;
	if (argv[optind]) {
		live_pipe(stdin);
	} else {
		need_tracefs();
		record_begin(kilobytes);
		stream_until(-1, INT32_MAX);
		tracefs_trace_off(recording);
		stream_some();
		if (has_lost() && !stream.lost)
			warn("events were lost; a larger --buffer may help");
		record_end();
	}
	if (fflush(stdout) || ferror(stdout))
		die("cannot write to standard output: %s", strerror(errno));
	return EXIT_CLEAN;
}
