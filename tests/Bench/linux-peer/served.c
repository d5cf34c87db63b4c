// What a request of another node costs Linux that a handler in the kernel answers: virtual time less idle time, as firewire.c has it. The other
// node is the model's Echo, which reads as often as it is told.
#include <linux/completion.h>
#include <linux/delay.h>
#include <linux/firewire.h>
#include <linux/firewire-constants.h>
#include <linux/ktime.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/tick.h>

#define ROUNDS	3000
#define ECHO	0xfffff0010000ULL

static u8 memory[4096];
static int left;
static DECLARE_COMPLETION(done);

static u64 idle_ns(void)
{
	return get_cpu_idle_time_us(0, NULL) * 1000;
}

static void serve(struct fw_card *card, struct fw_request *request, int tcode, int destination, int source, int generation,
		  unsigned long long offset, void *data, size_t length, void *context)
{
	if (tcode == TCODE_READ_QUADLET_REQUEST || tcode == TCODE_READ_BLOCK_REQUEST)
		memcpy(data, memory, min(length, sizeof(memory)));
	fw_send_response(card, request, RCODE_COMPLETE);
	if (--left == 0)
		complete(&done);
}

static struct fw_address_handler handler = { .length = sizeof(memory), .address_callback = serve };

static int is_echo(struct device *dev, const void *name)
{
	char model[32];

	if (strchr(dev_name(dev), '.'))
		return 0;
	return fw_csr_string(fw_device(dev)->config_rom + 5, CSR_MODEL, model, sizeof(model)) > 0 && !strcmp(model, name);
}

static int put(struct fw_device *node, u64 offset, u64 value)
{
	__be64 data = cpu_to_be64(value);

	return fw_run_transaction(node->card, TCODE_WRITE_BLOCK_REQUEST, node->node_id, node->generation, node->max_speed, offset, &data, 8);
}

static void measure(struct fw_device *node, const char *name, u32 bytes)
{
	u64 total, idle;
	int rounds;

	put(node, ECHO, handler.offset);
	for (rounds = 20; rounds <= ROUNDS; rounds += ROUNDS - 20) {
		left = rounds;
		idle = idle_ns();
		total = ktime_get_ns();
		put(node, ECHO + 8, (u64)rounds << 32 | bytes);
		if (!wait_for_completion_timeout(&done, 60 * HZ))
			return;
		total = ktime_get_ns() - total;
		idle = idle_ns() - idle;
		msleep(50);
	}
	pr_info("BENCH linux firewire-%s %llu\n", name, (total - idle) / ROUNDS);
}

static int __init served_init(void)
{
	struct device *dev = bus_find_device(&fw_bus_type, NULL, "Echo", is_echo);

	if (!dev)
		return -ENODEV;
	if (fw_core_add_address_handler(&handler, &fw_high_memory_region) == 0) {
		measure(fw_device(dev), "request-served", 4);
		measure(fw_device(dev), "request-served-512", 512);
		fw_core_remove_address_handler(&handler);
	}
	put_device(dev);
	return -EAGAIN;			/* nothing to keep loaded */
}
module_init(served_init);
MODULE_DESCRIPTION("Costs of FireWire requests that are served");
MODULE_LICENSE("GPL");
