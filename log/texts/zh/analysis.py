"""What an analysis says, in Chinese: a finding, what to do about it, and the words of its report."""

TEXTS = {
    "finding_converging": "损失仍在下降：最近 {epochs} 个epoch下降了 {percent:z.1f}%",
    "advice_converging": "继续训练可能还有收益：--resume 并增大 --epochs",
    "finding_plateau": "从第 {epoch} 个epoch起损失基本不再下降，之后 {epochs} 个epoch只改善了 {percent:z.1f}%",
    "advice_plateau": "可以提前停止；若还想降低，试试把学习率降到 1/10 后继续",
    "finding_not_learning": "{epochs} 个epoch里几乎没有学到东西（平均损失 {first:z.4g} → {best:z.4g}）",
    "advice_not_learning": "检查输入和标签是否对应；学习率 {lr:zg} 分别试 10 倍和 1/10",
    "finding_divergence": "平均损失在第 {epoch} 个epoch降到 {best:z.4g}，之后回升到 {last:z.4g}，训练在发散",
    "advice_divergence": "降低学习率（例如 1/3）或加 --grad_clip 1；从 best.pt 重新开始",
    "finding_overfitting": (
        "过拟合：验证损失在第 {epoch} 个epoch最低（{best:z.4g}），之后升到 {last:z.4g}，"
        "而训练损失继续下降（{train_then:z.4g} → {train_last:z.4g}）"
    ),
    "advice_overfitting": "使用 best.pt；增加数据或数据增强，加正则化，或在第 {epoch} 个epoch附近停止",
    "finding_unstable": "不稳定：一个epoch里最大的batch损失通常是平均值的 {ratio:z.1f} 倍",
    "finding_unstable_epochs": "不稳定：平均损失在相邻epoch之间上下波动 {percent:z.0f}%",
    "advice_unstable": "降低学习率，增大 --batch_size，或加 --grad_clip 1",
    "finding_lr_too_high": "学习率 {lr:zg} 可能过大：损失从 {first:z.4g} 开始没有稳定下降，最高到过 {worst:z.4g}",
    "advice_lr_too_high": "用 --lr {suggested:zg} 再试",
    "finding_lr_too_low": (
        "学习率 {lr:zg} 可能过小：{epochs} 个epoch里损失缓慢而均匀地下降，一共只有 {percent:z.0f}%"
    ),
    "advice_lr_too_low": "用 --lr {suggested:zg} 再试",
    "finding_lr_step": (
        "第 {epoch} 个epoch学习率由 {before:zg} 变为 {after:zg}，随后5个epoch内损失下降了 {percent:z.1f}%"
    ),
    "advice_lr_step": "下降明显说明调整有效；没有下降则可以更早或更晚调整",
    "finding_data_bound": "数据跟不上：{percent:z.0f}% 的训练时间在等待数据",
    "advice_data_bound": "增加 --workers，提前做好预处理，或换更快的磁盘",
    "finding_straggler": "rank {rank} 拖慢了其他rank：它的数据和前向用时是中位数的 {times:z.1f} 倍",
    "advice_straggler": "查看它所在的GPU和CPU上是否有其他程序，数据是否更慢",
    "finding_nonfinite": "{count} 个batch的损失是NaN或Inf，第一个是 Epoch {epoch} 的第 {batch} 个batch",
    "finding_nonfinite_epoch": "{count} 个batch的损失是NaN或Inf，最早出现在第 {epoch} 个epoch",
    "advice_nonfinite": (
        "常见原因：学习率过大、输入数据含NaN、fp16溢出；降低 --lr，加 --grad_clip 1，或用 --amp bf16；"
        "--on_nan stop 可以及时停下"
    ),
    "finding_nonfinite_value": (
        "指标 {name} 在 {count} 个batch中是NaN或Inf，首次在 Epoch {epoch} 的 batch {batch}"
    ),
    "finding_nonfinite_value_epoch": "指标 {name} 在 {count} 个epoch中是NaN或Inf，首次在 Epoch {epoch}",
    "advice_nonfinite_value": (
        "检查它的计算：空的类别、除以0，或溢出的梯度（使用fp16时，grad_norm偶尔为Inf是正常的）"
    ),
    "finding_spike": (
        "{count} 处损失突增，最大的是 Epoch {epoch} 的第 {batch} 个batch：{loss:z.4g}，"
        "为此前中位数的 {times:z.1f} 倍"
    ),
    "finding_spike_epoch": (
        "{count} 个epoch里有突增的batch，最大的在第 {epoch} 个epoch：{loss:z.4g}，为相邻epoch的 {times:z.1f} 倍"
    ),
    "finding_spike_from": (
        "{count} 处损失突增，最大的是 Epoch {epoch} 的第 {batch} 个batch：{loss:z.4g}，此前的中位数为 {usual:z.4g}"
    ),
    "finding_spike_epoch_from": (
        "{count} 个epoch里有突增的batch，最大的在第 {epoch} 个epoch：{loss:z.4g}，相邻epoch为 {usual:z.4g}"
    ),
    "advice_spike": "查看这个batch的数据；偶尔的突增可以用 --grad_clip 1 压住",
    "finding_slower": "训练越来越慢：每个epoch由 {first:z.1f} 秒增加到 {last:z.1f} 秒（+{percent:z.0f}%）",
    "advice_slower": "查看同一台机器上的其他程序、内存是否耗尽、GPU是否过热降频",
    "finding_slow_epoch": "第 {epoch} 个epoch用时 {seconds:z.1f} 秒，是中位数的 {times:z.1f} 倍",
    "advice_slow_epoch": "只是个别epoch，多半是机器上的其他程序",
    "finding_short": "只有 {epochs} 个完整的epoch，还不足以判断趋势",
    "advice_short": "至少训练4个epoch后再分析",
    "finding_failed": "训练失败，停在第 {epoch} 个epoch（{reason}）",
    "finding_failed_early": "训练在第一个epoch结束之前就失败了",
    "advice_failed": "原因在日志的末尾；解决后用 --resume 继续",
    "finding_stopped": "训练在第 {epoch} 个epoch被停止",
    "advice_stopped": "用 --resume 继续",
    "finding_lost": "进程不在了，没有正常结束；最后的记录在第 {epoch} 个epoch",
    "advice_lost": "用 --resume 从最近的检查点继续",
    "finding_running": "训练还在进行，现在到第 {epoch} 个epoch之后",
    "advice_running": "结论只针对到目前为止的部分",
    "finding_silent": "训练到第 {epoch} 个epoch之后就没有动静了，可能还在另一台机器上进行",
    "advice_silent": "用 everybatch runs 查看；确认它已结束后用 --resume --take_over 继续",
    "finding_attempts": "这次运行经历了 {attempts} 次尝试（中断后继续或重启）",
    "advice_attempts": "日志里每次尝试的开头写明了从哪里继续",
    "finding_repaired": "文件中有 {damaged} 行不完整或不属于此文件，{repeated} 行被后来的同一行取代，分析时已略去",
    "advice_repaired": "原文件没有改动",
    "finding_missing_rows": "缺少 {epochs} 个epoch和 {batches} 个batch的记录",
    "advice_missing_rows": "可能是磁盘写满；日志里有说明",
    "finding_extra_columns": "文件里有不认识的列，已略去：{columns}",
    "advice_extra_columns": "它们可能来自更新的版本",
    "finding_noise": "训练后期单个batch的损失上下波动约 {percent:z.0f}%，相邻batch的相关系数为 {correlation:z.2f}",
    "advice_noise": "看趋势时平滑约 {window} 个batch，误差就在5%以内",
    "finding_within_epoch_trend": "每个epoch的后段与前段相比，损失相差 {percent:+z.0f}%",
    "advice_within_epoch_trend": "数据可能没有打乱，或按难易排了序",
    "finding_bad_batches": "{count} 个batch在几乎每个epoch里都偏高 {percent:z.0f}%：第 {batches} 个",
    "advice_bad_batches": "数据没有打乱；检查这些样本和标签",
    "finding_slow_steps": (
        "{count} 个batch特别慢，占去 {percent:z.0f}% 的时间；最慢的是 Epoch {epoch} 的第 {batch} 个batch："
        "{seconds:z.2f} 秒（中位数 {median:z.3f} 秒）"
    ),
    "advice_slow_steps": "查看磁盘、网络存储和其他程序；增加 --workers 可以掩盖慢的读取",
    # the same for a command of somebody's own
    "advice_converging_command": "继续训练可能还有收获",
    "advice_divergence_command": "降低学习率（例如三分之一）或裁剪梯度；从您最好的检查点重新开始",
    "advice_overfitting_command": "使用 Epoch {epoch} 前后的检查点；增加数据或增强、加正则化，或在那里停止",
    "advice_unstable_command": "降低学习率、增大batch，或裁剪梯度",
    "advice_lr_too_high_command": "试试学习率 {suggested:zg}",
    "advice_lr_too_low_command": "试试学习率 {suggested:zg}",
    "advice_data_bound_command": "增加DataLoader的worker、预先处理数据，或使用更快的磁盘",
    "advice_nonfinite_command": ("常见原因：学习率过高、输入含NaN、fp16溢出；请降低学习率、裁剪梯度，或使用bf16"),
    "advice_spike_command": "查看这个batch的数据；偶尔的突增可以用梯度裁剪压住",
    "advice_failed_command": "原因在日志末尾，命令打印的内容在 output.log 中",
    "advice_failed_loop": "原因在日志末尾；在脚本里用 everybatch.init(resume=…) 接着训练",
    "advice_stopped_loop": "在脚本里用 everybatch.init(resume=…) 接着训练",
    "advice_lost_loop": "在脚本里用 everybatch.init(resume=…) 接着训练",
    "advice_stopped_command": "重新启动该命令；从哪里继续取决于它自己的检查点",
    "advice_lost_command": "命令打印的内容在 output.log 中；从哪里继续取决于它自己的检查点",
    "advice_silent_command": "用 everybatch runs 查看",
    "advice_slow_steps_command": "检查磁盘、网络存储和其他程序；更多worker可以掩盖慢的读取",
    # the report
    "report_title": "运行 {run_id}",
    "report_state": "{state}，{epochs} 个epoch",
    "report_task": "任务 {task}",
    "report_ranks": "{count} 个进程",
    "report_epoch": "epoch",
    "report_first": "第一个",
    "report_best": "最佳",
    "report_last": "最后",
    "report_change": "第一个 → 最佳",
    "report_average": "平均损失",
    "report_validation": "验证损失",
    "report_rate": "学习率",
    "report_seconds": "用时(秒)",
    "report_spread": "最小–最大",
    "report_loss": "损失",
    "report_range": "一个epoch里batch损失的幅度（最大 − 最小）",
    "report_curve": "损失（带：一个epoch里最小到最大；线：平均；◆ 验证）",
    "report_phases": "batch损失的分布",
    "report_phase": "步数",
    "report_mean": "平均",
    "report_std": "标准差",
    "report_quantiles": "5% – 50% – 95%",
    "report_values": "指标",
    "report_early": "前十分之一",
    "report_late": "后十分之一",
    "report_least": "最小",
    "report_most": "最大",
    "report_findings": "发现",
    "report_no_alarm": "没有发现问题。",
    "report_files": "图: {path}",
    "report_page": "网页: {path}",
    "report_no_plots": "没有画图（{reason}）",
    "report_no_font": "没有找到中文字体，图中的文字用英文（安装 fonts-noto-cjk 后为中文）",
    "report_not_written": "警告: 无法写入 {path}（{reason}）",
    "report_empty": "运行 {run} 还没有完成任何epoch，没有可以分析的内容（{path}）",
    "report_no_batches": "没有batch的CSV文件；训练时加 --log_batch_metrics 才有",
    "report_comparison": "对比",
    "report_differs": "不同的参数",
    "report_same": "参数相同（或没有 run.json）",
    "report_run": "运行",
    "report_behind": "落后（噪声的倍数）",
    "report_noise": "噪声",
    "report_clear": "{run} 更好：{what} {score:z.6f}，比第二名低 {difference:z.6f}，是噪声的 {times:z.1f} 倍",
    "report_clear_metric": (
        "{run} 更好：{what} {score:z.6f}，比第二名高 {difference:z.6f}，是噪声的 {times:z.1f} 倍"
    ),
    "report_unclear": "分不出高下：最好的两次只差 {difference:z.6f}，在噪声之内（{times:z.1f} 倍）",
    "report_one_score": "只有一次运行有可比的数值",
    "not_csv": "{path} 不是运行的CSV文件（缺少列 {missing}）",
    "analyze_unreadable": "无法读取 {path}（{reason}）",
    "analyze_nothing": "{path} 中没有运行的CSV文件（epoch_metrics_*.csv）",
}
