"""What the author of a task is told, in Chinese."""

TEXTS = {
    # before the run
    "task_import": "--task: 无法导入 {task}（{reason}）；应为 phantoms、image_folder 或 模块:类",
    "task_class": "--task: 模块 {module} 中没有 {name}；其中的类: {classes}",
    "task_method": "--task: {task} 缺少方法 {methods}",
    "task_metrics": '--task: {task} 有 metrics()，还需要 metric_names = ("名称", …)',
    "task_call": "--task: {member} 必须能这样调用: {call}",
    "task_member": "--task: {member} 应为 {expected}，实际为 {value}",
    "task_made": "--task: {call} 必须返回 {expected}，实际返回 {kind}",
    "task_raised": "--task: {task} 的 {method} 出错（{reason}）",
    "task_length": "--task: {task} 的 {method}() 必须返回有长度的数据集（map-style Dataset）或 IterableDataset",
    "task_no_samples": "--task: {task} 的训练数据是空的",
    "ranks_over_samples": "--nproc: {nproc} 个进程多于 {samples} 个训练样本；请减少 --nproc",
    "uneven": "各rank的 {method}() 给出的batch数不同（{batches}）；每个rank必须看到同一个数据集",
    "task_no_data": "--task: {method}() 没有给出任何样本；没有验证数据时 val_data() 返回 None",
    "task_no_batches": "--task: drop_last = True 时一个epoch里没有完整的batch；请减小 --batch_size {batch_size}",
    "task_collate": (
        "--task: {method}() 的样本无法组成batch（{reason}）；请给任务加上 collate_fn(samples)，例如填充到同一形状"
    ),
    "task_needs_two": (
        "--batch_size: 模型中的BatchNorm无法从只有一个样本的batch学习；"
        "请使每个rank的batch至少有2个样本，或换成GroupNorm"
    ),
    "task_last_batch": (
        "--task: epoch的最后一个batch只有一个样本，loss() 对它出错（{reason}）；"
        "请修正 loss()，或给任务加上 drop_last = True"
    ),
    "task_sampler": (
        "--task: sampler(dataset, rank, world_size, seed) 必须返回有长度的可迭代对象（这个rank的样本索引），"
        "实际返回 {kind}"
    ),
    "task_sampler_length": "--task: sampler 的长度是 {length}，却给出了 {count} 个索引；两者必须相同",
    "task_steps": (
        "--task: 每个batch之后的 scheduler(optimizer, steps) 需要知道batch数；"
        '请给 train_data() 加上 __len__，或设 schedule_every = "epoch"'
    ),
    "task_score_alone": "--task: score 由验证得出，但 val_data() 没有验证数据；请提供验证数据，或去掉 score",
    "task_score_twice": '--task: score() 的结果名为 score，metric_names 中不能再有 "score"；请改名',
    "task_score_kind": "--task: score(val) 必须返回一个数，实际返回 {kind}",
    "plateau_mode": (
        'ReduceLROnPlateau 的 mode 是 "{mode}"，但它得到的是最佳epoch的依据（见 score），应为 mode="{wanted}"'
    ),
    "closure_amp": "--amp: {optimizer} 需要closure，不能与 --amp 一起使用；请去掉 --amp",
    "loss_kind": (
        "--task: loss() 必须返回一个数的tensor（平均损失），实际返回 {kind}；"
        '请只返回其中的损失，或 (loss, {{"名称": 值}})'
    ),
    "loss_shape": "--task: loss() 返回的形状是 {shape}，必须是一个数；请取平均，例如 loss.mean()",
    "loss_detached": (
        "--task: loss() 返回的损失与模型的参数无关，没有梯度；"
        "请从 model(…) 的输出计算，不要使用 detach()、item() 或 no_grad()"
    ),
    "loss_bypasses": (
        "--task: loss() 没有调用 model(…) 本身，各rank的梯度不会同步；"
        "请调用 model(…)，不要调用 model.module 或它的其他方法"
    ),
    "loss_wrapped": (
        "--task: loss() 得到的是DistributedDataParallel包装的模型（{reason}）；"
        "请调用 model(…)，需要时把其他方法放进 forward()"
    ),
    "metrics_kind": '--task: metrics() 必须返回 {{"名称": 值}}，实际返回 {kind}',
    "metrics_names": "--task: metrics() 返回 {returned}，但 metric_names 声明的是 {declared}；两者必须相同",
    "value_name": "--task: loss() 在损失之外返回的指标名称是 {name}，名称必须是文字",
    "value_shape": "--task: loss() 的指标 {name} 形状是 {shape}，必须是一个数；请取平均，例如 .mean()",
    "value_kind": "--task: loss() 的指标 {name} 是 {kind}，必须是一个数，或只有一个元素的tensor",
    "metric_shape": "--task: metrics() 的 {name} 形状是 {shape}，必须是一个数；请取平均，例如 .mean()",
    "metric_kind": "--task: metrics() 的 {name} 是 {kind}，必须是一个数，或只有一个元素的tensor",
    "trial_memory": (
        "--batch_size: 试运行一个batch时内存（显存）不足（{reason}）；请减小 --batch_size 或模型，或使用 --amp"
    ),
    "trial_slow": (
        "--timeout: 试运行一个batch时，{method} 在 {seconds:z.0f} 秒内没有结束；如果它本来就慢，请增大 --timeout"
    ),
    "trial_died": "--task: 试运行一个batch时，进程在 {method} 中意外结束（{how}）",
    "trial_goes_on": "正在试运行一个batch: {method} …",
    # while it starts
    "unused_parameters": (
        "有些参数没有参与损失的计算（{names}），因此使用 find_unused_parameters=True，每个batch会慢一些；"
        "如果是多余的参数，请从模型中删去"
    ),
    "last_batch_dropped": "BatchNorm无法从一个样本学习，因此不使用每个epoch不完整的最后一个batch（drop_last）",
    "stream_shared": (
        "train_data() 是IterableDataset: {count} 个rank都读取全部样本，各取其中的 1/{count}；"
        "如果它自己按rank划分，请设 sharded = True"
    ),
    # failures
    "hint_batchnorm": "BatchNorm需要一个batch至少有2个样本: 给任务加上 drop_last = True",
    "hint_collate": "样本形状不同: 给任务加上 collate_fn(samples)，例如填充到同一形状",
    "hint_unused": "有些参数不是每个batch都参与计算: 给任务加上 find_unused_parameters = True",
}
